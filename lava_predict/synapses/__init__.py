"""From spikes to current: each module is one kind of synapse, whole."""
