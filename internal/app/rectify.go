package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gate"
)

// rectified is the kind of the event that says what is right.
const rectified = "privacy.rectify"

// maxRectified bounds what a rectification says, in bytes of JSON.
const maxRectified = 16 << 10

// rectification is what the event of one says, sealed with the person's key.
type rectification struct {
	Field  string `json:"field"`
	Value  string `json:"value"`
	Reason string `json:"reason"`
}

// Rectify implements admin.Privacy. The log is not changed: what is right is on record
// beside what is wrong, with the exchange that it is about, and sealed with the key of
// the person, so that it goes when they are erased.
func (a *App) Rectify(ctx context.Context, actor string, r admin.Rectification) (out admin.Rectified, err error) {
	said, err := json.Marshal(rectification{Field: r.Field, Value: r.Value, Reason: r.Reason})
	switch {
	case err != nil:
	case r.Field == "" || r.Value == "" || r.Reason == "":
		err = errors.New("name the field, what is right, and the reason")
	case len(said) > maxRectified:
		err = fmt.Errorf("it is longer than %d bytes", maxRectified)
	}
	if err != nil {
		return out, operated("rectifying", err)
	}
	err = a.act(ctx, []gate.Event{{Kind: "privacy.request", Actor: actor, Detail: "rectify"}}, func() error {
		logs, err := a.logs()
		if err != nil {
			return err
		}
		s, err := a.onePerson(ctx, r.Whom, logs)
		if err != nil {
			return err
		}
		if !s.exact || len(s.keys) == 0 && len(s.credentials) == 0 && len(s.addresses) == 0 {
			return errors.New("nothing is on record of that person")
		}
		if r.Exchange != "" {
			if err := a.theirs(ctx, s, r.Exchange, logs); err != nil {
				return err
			}
		}
		out.Person = s.shown(r.Subject != "")
		return a.trail.Event(ctx, gate.Event{
			Kind: rectified, Actor: actor, Principal: s.principal(), Exchange: r.Exchange, Said: said, Status: "ok",
		})
	})
	return out, operated("rectifying", err)
}

// theirs tells whether an exchange is that of a person.
func (a *App) theirs(ctx context.Context, s *somebody, exchange string, logs []sealedLog) error {
	found := false
	for _, one := range logs {
		err := audit.Read(ctx, one.dir, audit.Query{Exchange: exchange}, func(r *audit.Record) error {
			p, ok := one.ring.Whose(r, a.realms())
			found = found || ok && p == s.Person
			return nil
		})
		if err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("exchange %q is none of that person", exchange)
	}
	return nil
}

// righted is a rectification as it is shown.
type righted struct {
	rectification
	Exchange string    `json:"exchange,omitempty"` // that has it wrong; absent: all of them
	Time     time.Time `json:"time"`
	Log      string    `json:"log"`
	Seq      uint64    `json:"seq"`
}
