package app

import (
	"context"
	"fmt"
	"path/filepath"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gate"
)

// sealedLog is a log on data_dir, with the keys of what is sealed in it.
type sealedLog struct {
	dir  string
	ring *audit.Keyring
}

func (a *App) logs() ([]sealedLog, error) {
	dirs, err := AuditDirs(a.Config.DataDir)
	if err != nil {
		return nil, err
	}
	var all []sealedLog
	for _, dir := range dirs {
		ring, err := audit.OpenKeyring(dir, keyFile(a.Config.DataDir))
		if err != nil {
			return nil, err
		}
		all = append(all, sealedLog{dir, ring})
	}
	return all, nil
}

// keysOf are the keys of a subject in every log.
func keysOf(logs []sealedLog, subject string) []string {
	keys := []string{}
	if subject == "" {
		return keys
	}
	for _, one := range logs {
		for _, id := range one.ring.Of(subject) {
			keys = append(keys, id.String())
		}
	}
	return keys
}

// KeysOf implements admin.Records.
func (a *App) KeysOf(ctx context.Context, actor string, p admin.Person) ([]string, error) {
	logs, err := a.logs()
	if err != nil {
		return nil, operated("looking for a person's keys", err)
	}
	keys := keysOf(logs, p.Subject)
	e := gate.Event{Kind: "audit.open", Actor: actor, Detail: fmt.Sprintf("keys of a person: %d %v", len(keys), keys)}
	err = a.act(ctx, []gate.Event{e}, func() error { return nil })
	return keys, operated("looking for a person's keys", err)
}

// HashField implements admin.Records. Whoever may ask can try values until one fits, so
// each time is on record: for whom, and nothing of the value.
func (a *App) HashField(ctx context.Context, actor string, v admin.FieldValue) (out admin.FieldHash, err error) {
	e := gate.Event{Kind: "audit.hash", Actor: actor, Detail: "a value was hashed to be found"}
	if v.Tenant != "" {
		e.Detail += fmt.Sprintf(", of tenant %.128q", v.Tenant)
	}
	err = a.act(ctx, []gate.Event{e}, func() (err error) {
		out.Hash, err = audit.HashField(keyFile(a.Config.DataDir), v.Tenant, v.Value)
		return err
	})
	return out, operated("hashing a value", err)
}

// Reveal implements admin.Records.
func (a *App) Reveal(ctx context.Context, actor string, s admin.Sealed) (lines []string, err error) {
	e := gate.Event{Kind: "audit.open", Actor: actor, Detail: fmt.Sprintf("%d records of %s", len(s.Lines), s.Log)}
	err = a.act(ctx, []gate.Event{e}, func() error {
		logs, err := a.logs()
		if err != nil {
			return err
		}
		for _, one := range logs {
			if filepath.Base(one.dir) == s.Log {
				lines, err = revealed(one.ring, s.Lines)
				return err
			}
		}
		return fmt.Errorf("there is no log %q on the data directory", s.Log)
	})
	return lines, operated("opening records", err)
}

func revealed(ring *audit.Keyring, sealed []string) ([]string, error) {
	lines := make([]string, 0, len(sealed))
	for _, line := range sealed {
		open, err := ring.Line([]byte(line))
		if err != nil {
			return nil, fmt.Errorf("record %.80q: %w", line, err)
		}
		lines = append(lines, string(open))
	}
	return lines, nil
}
