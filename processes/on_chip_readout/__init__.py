"""The when readout on Lava's learning engine: `process.OnChipReadout`, its parts and their models."""
