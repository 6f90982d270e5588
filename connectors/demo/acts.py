"""What a visitor does in the web shop: the steps of each kind of visit. All simulated."""

from collections.abc import Callable

from connectors.demo.catalogue import Catalogue, Item, Product
from connectors.demo.changes import Changes
from connectors.demo.content import SEARCHES, title_of
from connectors.demo.dice import dice
from connectors.demo.forms import Forms
from connectors.demo.steps import Properties, Step, page
from connectors.demo.visits import Visit

CURRENCY = "GBP"
PAGE_SHARE = 0.4  # of the product views: the others are opened within a list
EMPTIED, CHECKED_OUT = 0.06, 0.3  # of the carts left: shares, one on top of the other


class Acts:
    """Turns visits into steps."""

    def __init__(self, seed: int, catalogue: Catalogue, changes: Changes) -> None:
        """Use the catalogue for everything that is looked at, at the prices of the day."""
        self._rng = dice(seed, "acts")
        self._catalogue = catalogue
        self._changes = changes
        self._categories = list(catalogue.shelves)
        self._paths: dict[str, str] = {}
        forms = Forms(seed, self._categories)
        self._kinds: dict[str, Callable[[Visit], list[Step]]] = {
            "order": self._order,
            "browse": self._browse,
            "abandon": self._abandon,
            "download": forms.download,
            "newsletter": forms.newsletter,
            "optout": forms.optout,
            "survey": forms.survey,
            "bot": self._bot,
        }

    def of(self, visit: Visit) -> list[Step]:
        """Return the steps of a visit in order."""
        return self._kinds[visit.kind](visit)

    def _order(self, visit: Visit) -> list[Step]:
        order = visit.order
        if order is None:
            return []
        steps = self._arrive(visit)
        for item in visit.items[:4]:
            steps += self._view(visit, item[0]) if self._rng.chance(0.75) else []
        steps += self._add(visit, list(visit.items))
        total = order.invoice.amount_minor / 100
        steps.append(_checkout(visit, total, "" if order.customer_id else order.email))
        done: Properties = {
            "order_id": order.invoice.order_id,
            "cart_id": visit.cart_id,
            "total": total,
            "currency": CURRENCY,
        }
        return [*steps, Step("Order Completed", done, "/checkout/thank-you", "Thank you")]

    def _browse(self, visit: Visit) -> list[Step]:
        steps = self._arrive(visit)
        for item in self._catalogue.shown(visit.items, visit.start):
            steps += self._view(visit, item[0])
        for _ in range(self._rng.choices((0, 1, 2, 3, 5), (20, 30, 25, 15, 10))[0]):
            steps += self._view(visit, self._pick(visit).product_id)
        return steps

    def _abandon(self, visit: Visit) -> list[Step]:
        items, person = self._wanted(visit), visit.person
        steps = self._arrive(visit)
        steps += [step for item in items for step in self._view(visit, item[0])]
        steps += self._add(visit, items)
        total = sum(quantity * price for _, quantity, price in items) / 100
        fate = self._rng.random()
        if fate < EMPTIED and visit.login is None:
            steps += [self._cart_event("Product Removed", visit, item) for item in items]
        elif person and (fate < CHECKED_OUT or person.customer_id is None):
            gives = person.customer_id is None or self._rng.chance(0.3)
            steps.append(_checkout(visit, total, person.email if gives else None))
        return steps

    def _wanted(self, visit: Visit) -> list[Item]:
        """Return what goes into a cart: what the visit is about, or one to four picks."""
        items = self._catalogue.shown(visit.items, visit.start)
        for _ in range(self._rng.choices((1, 2, 3, 4), (40, 30, 20, 10))[0] - len(items)):
            product = self._pick(visit)
            quantity = self._rng.choice((1, 1, 2, 3, 4, 6, 12))
            price = self._changes.price_of(product, visit.start)
            items.append((product.product_id, quantity, price))
        return self._catalogue.shown(tuple(items), visit.start)

    def _bot(self, visit: Visit) -> list[Step]:
        picked = (self._pick(visit) for _ in range(visit.choice))
        return [self._view(visit, product.product_id)[-1] for product in picked]

    def _arrive(self, visit: Visit) -> list[Step]:
        """Return the home page, then a list of products or a search."""
        name = visit.category or self._rng.choice(self._categories)
        if self._rng.chance(0.25):
            query = self._rng.choice(SEARCHES[name])
            path = f"/search?q={query.replace(' ', '+')}"
            found = Step("Products Searched", {"query": query}, path, f"Search: {query}")
        else:
            words = name.replace("_", "-")
            listed: Properties = {"list_id": f"list-{words}", "category": name}
            found = Step("Product List Viewed", listed, f"/collections/{words}", title_of(name))
        return [page("/", "Gifts for the home"), found] if self._rng.chance(0.7) else [found]

    def _pick(self, visit: Visit) -> Product:
        """Return a product of the visit's category, at times of another one."""
        stays = visit.category and self._rng.chance(0.8)
        name = visit.category if stays else self._rng.choice(self._categories)
        return self._catalogue.shelves[name].pick(self._rng, visit.start)

    def _view(self, visit: Visit, product_id: str) -> list[Step]:
        product, path = self._catalogue.products[product_id], self._path(product_id)
        viewed: Properties = {
            "product_id": product_id,
            "name": product.name,
            "category": product.category,
            "price": self._changes.price_of(product, visit.start) / 100,
            "currency": CURRENCY,
        }
        view = Step("Product Viewed", viewed, path, product.name)
        return [page(path, product.name), view] if self._rng.chance(PAGE_SHARE) else [view]

    def _add(self, visit: Visit, items: list[Item]) -> list[Step]:
        steps = [self._cart_event("Product Added", visit, item) for item in items]
        if items and self._rng.chance(0.4):
            held = [{"product_id": item[0], "quantity": item[1]} for item in items]
            cart: Properties = {"cart_id": visit.cart_id, "products": held}
            steps.append(Step("Cart Viewed", cart, "/cart", "Your cart"))
        return steps

    def _cart_event(self, event: str, visit: Visit, item: Item) -> Step:
        product = self._catalogue.products[item[0]]
        properties: Properties = {
            "cart_id": visit.cart_id,
            "product_id": item[0],
            "name": product.name,
            "category": product.category,
            "price": item[2] / 100,
            "quantity": item[1],
            "currency": CURRENCY,
        }
        return Step(event, properties, self._path(item[0]), product.name)

    def _path(self, product_id: str) -> str:
        """Return a product's address, built once."""
        if product_id not in self._paths:
            self._paths[product_id] = f"/products/{self._catalogue.products[product_id].slug}"
        return self._paths[product_id]


def _checkout(visit: Visit, value: float, email: str | None) -> Step:
    properties: Properties = {"cart_id": visit.cart_id, "value": value, "currency": CURRENCY}
    properties |= {"email": email} if email else {}
    return Step("Checkout Started", properties, "/checkout", "Checkout")
