"""Rules for categories: of categories that the shop has, found again however they are spelled."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextInputWidget

from customers.models import Product
from segmentation.models import CategoryRule


MOST_SUGGESTED = 500


def categories() -> list[str]:
    """Of all products, by name."""
    named = Product.objects.filter(is_product=True).exclude(category="")
    return list(named.order_by("category").values_list("category", flat=True).distinct())


class CategoryInput(UnfoldAdminTextInputWidget):  # type: ignore[misc]  # unfold has no types
    """A text field that suggests what there is while it is typed into."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        options = format_html_join(
            "", '<option value="{}">', ((one,) for one in categories()[:MOST_SUGGESTED])
        )
        field = super().render(name, value, {**(attrs or {}), "list": f"list-{name}"}, renderer)
        return format_html('{}<datalist id="list-{}">{}</datalist>', field, name, options)


class CategoryRuleForm(forms.ModelForm):  # type: ignore[type-arg]  # Django is not generic at run time
    class Meta:
        model = CategoryRule
        fields = ("category", "days_closed", "is_recommended")
        widgets = {"category": CategoryInput}

    def clean_category(self) -> str:
        """The category as products have it; a rule for none of them would do nothing, and not say so."""
        said = " ".join(self.cleaned_data["category"].split())
        known = {one.casefold(): one for one in categories()}
        if said.casefold() in known:
            return known[said.casefold()]
        if "category" not in self.changed_data:  # its last product is gone, the rule may stay
            return said
        near = [known[one] for one in get_close_matches(said.casefold(), known, n=3)]
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise forms.ValidationError(f"No product has the category “{said}”.{hint}")
