"""A module that takes as long to import as Keras does on a quick machine."""

import time

time.sleep(2.0)
