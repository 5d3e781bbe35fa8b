"""Helpers of the book *GANs You Can Run*: small enough to read in one sitting.

Import the modules you need, for instance ``from gan_utils import data, gan``; importing the
package itself loads nothing heavy.
"""

__version__ = "0.1.0"
