"""Each camera's delay and rolling-shutter readout, from a recording of a moving tool."""
