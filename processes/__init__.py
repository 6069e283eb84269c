"""The Lava Processes of the network; this package needs lava-nc, and so Python 3.10."""
