"""Where shop data comes from; a source turns something foreign into `ShopBatch`es."""
