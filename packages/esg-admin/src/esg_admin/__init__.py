"""What the ESG web server answers on its admin address (rules M-7 to M-10).

Is found by its entry point (group `esg.admin`) and exports nothing by name. Knows `esg_core` and its contracts; it must
not know sockets, clocks, threads, how figures are counted, or any protocol that the public listeners speak. The folder
`terminal` is the other end: the commands `esg top` and `esg ctl` (rule M-11).
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
