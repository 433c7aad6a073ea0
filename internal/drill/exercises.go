package drill

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"doorward/internal/admin"
)

// How often each attack is made: above the limit that rules have unless written.
const (
	guesses = 6  // failed_sign_ins: 5/1m
	thefts  = 12 // denied_calls: 10/1m
	flood   = 40 // limit_violations: 20/1m, after the ten that the tool's limit lets pass
)

// exercise is one attack, and what is done about it.
type exercise struct {
	name   string
	rule   string // that must tell of it
	attack func(ctx context.Context, s *stage) ([]suspect, error)
}

// suspect is what is suspended then, and the call that shows it.
type suspect struct {
	admin.IncidentSubject
	code  string // of the refusal
	probe call
	rule  bool // the alert's rule suspends it by itself
	alone bool // of one gateway's own: the other does not know it
	gone  bool // it is not there again when it is released: a session that has ended
}

func exercises() []exercise {
	return []exercise{
		{"password guessing", "failed_sign_ins", guessing},
		{"stolen session", "denied_calls", theft},
		{"canary leak", "canary", leak},
		{"tool flood", "limit_violations", flooding},
	}
}

// guessing tries keys that nobody has.
func guessing(ctx context.Context, s *stage) ([]suspect, error) {
	for range guesses {
		c := call{key: "dw_" + hex.EncodeToString(make([]byte, 22))[:43], tool: "desk__file"}
		if err := s.refused(ctx, c, "identity.invalid"); err != nil {
			return nil, err
		}
	}
	return []suspect{{
		IncidentSubject: admin.IncidentSubject{Kind: "address", Value: "127.0.0.1"}, code: "contained.address",
		probe: call{key: s.keys["watch"].Text, tool: "desk__file"},
	}}, nil
}

// theft uses somebody's session with a key of another.
func theft(ctx context.Context, s *stage) ([]suspect, error) {
	id, err := s.session(ctx, s.gateways[0], s.keys["alice"].Text)
	if err != nil {
		return nil, err
	}
	stolen := call{key: s.keys["mallory"].Text, tool: "desk__file", session: id}
	for range thefts {
		if err := s.refused(ctx, stolen, "session.unknown"); err != nil {
			return nil, err
		}
	}
	hash := sha256.Sum256([]byte(id))
	own := stolen
	own.key = s.keys["alice"].Text
	return []suspect{
		{
			IncidentSubject: admin.IncidentSubject{Kind: "key", Value: s.keys["mallory"].ID}, code: "contained.key", rule: true,
			probe: call{key: s.keys["mallory"].Text, tool: "desk__file"},
		},
		{
			IncidentSubject: admin.IncidentSubject{Kind: "session", Value: hex.EncodeToString(hash[:16])}, code: "contained.session",
			probe: own, alone: true, gone: true,
		},
	}, nil
}

// leak sends a planted value out, once.
func leak(ctx context.Context, s *stage) ([]suspect, error) {
	c := call{key: s.keys["carol"].Text, tool: "desk__file", text: s.canary}
	code, err := s.call(ctx, s.gateways[0], c)
	if err != nil {
		return nil, err
	}
	if code == "" {
		return nil, errors.New("the planted value went out")
	}
	return []suspect{{
		IncidentSubject: admin.IncidentSubject{Kind: "principal", Realm: "api_key", Value: "carol"}, code: "contained.principal", rule: true,
		probe: call{key: c.key, tool: c.tool},
	}}, nil
}

// flooding calls a slow tool more often at once than it has places.
func flooding(ctx context.Context, s *stage) ([]suspect, error) {
	c := call{key: s.keys["frank"].Text, tool: "desk__bind"}
	errs := make([]error, flood)
	var wg sync.WaitGroup
	for i := range flood {
		wg.Go(func() { _, errs[i] = s.call(ctx, s.gateways[0], c) })
	}
	wg.Wait()
	return []suspect{{
		IncidentSubject: admin.IncidentSubject{Kind: "tool", Realm: "desk", Value: "bind"}, code: "contained.tool",
		probe: call{key: s.keys["watch"].Text, tool: "desk__bind"},
	}}, errors.Join(errs...)
}

// refused makes a call at the first gateway, which must refuse it so.
func (s *stage) refused(ctx context.Context, c call, want string) error {
	got, err := s.call(ctx, s.gateways[0], c)
	if err == nil && got != want {
		err = fmt.Errorf("the attack was answered with %q, and must be refused with %q", got, want)
	}
	return err
}
