"""Two models or two states side by side: comparison, promotion, regression check, reproduction, sweeps."""
