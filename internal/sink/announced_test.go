package sink_test

import (
	"errors"
	"testing"

	"doorward/internal/dsn"
	"doorward/internal/dsn/dsntest"
	"doorward/internal/gate"
	"doorward/internal/sink"
)

// What a server announces is refused by its header, before there is room made for it.
func TestDUR08_PostgreSQLThatAnnouncesTooMuch(t *testing.T) {
	t.Parallel()
	url := gate.NewSecret("postgres://u@" + dsntest.Answering(t, dsntest.LongMessage) + "/audit?sslmode=disable")
	to, err := sink.NewPostgres(sink.PostgresConfig{DSN: func() (gate.Secret, error) { return url, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if err := to.Deliver(t.Context(), nil); !errors.Is(err, dsn.ErrLong) {
		t.Errorf("128 MiB: %v", err)
	}
}
