"""Prices of what is ordered."""


def total_of(items):
    total = 0
    for name, quantity, price in items:
        total += quantity * price
    return round(total, 2)
