package app

import (
	"fmt"
	"time"

	"doorward/internal/builtin"
	"doorward/internal/builtin/sql"
	"doorward/internal/config"
	"doorward/internal/dsn"
	"doorward/internal/secret"
)

// sqlServer is builtin sql.
type sqlServer struct {
	Kind    string              `json:"kind"`
	DSN     string              `json:"dsn"` // the name of the secret
	Tables  []string            `json:"tables"`
	Mask    map[string][]string `json:"mask,omitempty"`
	Timeout string              `json:"timeout"`
	Rows    int                 `json:"rows"`
	Bytes   int64               `json:"bytes"`
	MaxCost int64               `json:"max_cost,omitempty"`

	name    string
	timeout time.Duration
}

func (q sqlServer) server(a *App, health func(error)) (*builtin.Server, error) {
	s, stop, err := sql.New(sql.Settings{
		Name: q.name, Tables: q.Tables, Mask: q.Mask, Timeout: q.timeout, Rows: q.Rows, Bytes: q.Bytes, MaxCost: q.MaxCost, Version: builtinVersion, Health: health,
		DSN: func() (string, error) {
			s, err := a.secretFor(q.DSN)
			if err != nil {
				return "", err
			}
			return s.Reveal(), nil
		},
	})
	if err != nil {
		return nil, err
	}
	return builtin.Serve(s, stop), nil
}

// databases says of which built-in servers the secret is no URL of a database. One that is
// not there yet is the affair of whoever calls.
func databases(cfg *config.Config, value func(name string) (secret.Value, error)) (all []unfit) {
	for _, name := range names(cfg.Upstreams) {
		u := cfg.Upstreams[name]
		key, of, check := "dsn", u.DSN, sql.CheckDSN
		if u.Builtin == config.BuiltinDocs {
			key, of, check = "index.dsn", u.Index.DSN, dsn.Check
		}
		held, err := value(of)
		if of == "" || err != nil {
			continue
		}
		if err := check(held.Reveal()); err != nil {
			all = append(all, unfit{of, fmt.Errorf("upstreams.%s.%s: %w", name, key, err)})
		}
	}
	return all
}
