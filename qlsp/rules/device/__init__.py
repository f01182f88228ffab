"""Rules about the device that a model runs on, where `[tool.qlsp]` names one."""
