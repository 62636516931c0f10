// @segment/analytics-node as a shop uses it: arguments are host, key, prefix of the ids.
import { Analytics } from "@segment/analytics-node";

const [host, writeKey, prefix] = process.argv.slice(2);
const analytics = new Analytics({ host, writeKey });
analytics.on("error", (error) => {
  console.error(error);
  process.exitCode = 1;
});
const userId = `${prefix}-user`;
const anonymousId = `${prefix}-visitor`;
analytics.track({ anonymousId, event: "Product Added", properties: { product_id: "p1" } });
analytics.alias({ previousId: anonymousId, userId });
analytics.identify({ userId, traits: { email: `${prefix}@example.com`, firstName: "Ada", tier: 2 } });
analytics.page({ userId, name: "Home", properties: { url: "https://shop.example/" } });
analytics.screen({ userId, name: "Main" });
for (let again = 0; again < 2; again += 1) {
  analytics.track({
    userId,
    event: "Product Viewed",
    properties: { product_id: "p1" },
    messageId: `${prefix}-said-twice`,
  });
}
const tea = { product_id: "p1", name: "Tea", price: 10, quantity: 3 };
analytics.track({
  userId,
  event: "Order Completed",
  properties: { order_id: `${prefix}-1`, total: 30, currency: "EUR", products: [tea] },
});
for (let level = 0; level < 250; level += 1) {
  analytics.track({ userId, event: "Level Reached", properties: { level } });
}
await analytics.closeAndFlush();
