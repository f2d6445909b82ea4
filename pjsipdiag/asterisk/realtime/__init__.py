"""Objects that stand in the tables of a database instead of a file (res_sorcery_realtime.c, main/config.c)."""
