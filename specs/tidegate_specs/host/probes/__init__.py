"""Programs in which the implementation under check is a guest; see `tidegate_specs.guest` for how they are started."""
