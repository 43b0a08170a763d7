"""The admin API: one table says who may do what (`routes`), a module for each noun does it, `app` is what stands between."""
