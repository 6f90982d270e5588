"""The demo's source of chance: the same seed and part give the same rolls."""

import random


class Dice(random.Random):
    """Random numbers, with the question the generator asks most."""

    def chance(self, share: float) -> bool:
        """Return True in ``share`` of the cases."""
        return self.random() < share


def dice(seed: int, part: str) -> Dice:
    """Return the dice of one part of the generator, independent of the other parts."""
    return Dice(f"{seed}/{part}")
