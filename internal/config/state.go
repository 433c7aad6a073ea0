package config

// PostgresState is the kind of state that is in PostgreSQL.
const PostgresState = "postgres"

func (v *checker) state() {
	s := &v.c.State
	for path, name := range map[string]string{"state.dsn": s.DSN, "state.redis": s.Redis, "state.key": s.Key} {
		if name != "" {
			v.reference(path, name)
		}
	}
	if s.CA != "" && s.Redis == "" && s.Kind != PostgresState {
		v.fault("state.ca", "is for redis and postgres")
	}
	switch {
	case s.Kind != PostgresState && s.DSN != "":
		v.fault("state.dsn", "is for kind: postgres")
	case s.Kind == PostgresState && s.DSN == "":
		v.fault("state.dsn", "is missing: it names the secret with the URL of the database")
	case s.Kind == PostgresState && s.Redis == "":
		v.fault("state.redis", "is missing: beside postgres it holds what was used once, what was read and what is left of limits")
	}
}
