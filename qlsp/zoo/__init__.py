"""Many models by many workflows in many toolchains: `qlsp verify --all`."""
