"""Helpers of the book *GANs You Can Run*: a core, and shelves beside it.

The core is what lies here: data, networks, losses, the game, the loop, scores, pictures, recipes.
Beside it stand ``chapters``, ``sources``, ``own``, ``teaching`` and ``diagnose``, which use it.
Import the modules you need, for instance ``from gan_utils import data, gan``; importing the
package itself loads nothing heavy.
"""

__version__ = "0.1.0"
