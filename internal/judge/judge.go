// Package judge asks somebody outside what they think of a definition or of a
// call that waits for people: a program of the operator's own (the contract is
// docs/reference/judge.openapi.yaml), or a model behind an OpenAI-compatible
// API. app calls it for definitions that it has not asked about, and the
// approve stage before people are asked.
//
// An answer can only tighten: whatever it says, nothing passes that would not
// pass without it. It never sends a credential of Doorward's or of a client's,
// follows no redirect, and answers that are late, malformed or missing mean what
// trust.judge.on_failure says.
package judge

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/maypok86/otter/v2"

	"doorward/internal/gate"
)

// MaxAtOnce is how many questions are under way at a time; others wait, no longer
// than their deadline.
const MaxAtOnce = 4

// Opinion is what a judge says. The zero value blocks.
type Opinion uint8

// The opinions.
const (
	Block  Opinion = iota // it must not be used
	Hold                  // a person should look at it
	NoWord                // nothing is against it; it changes nothing
)

// String is the opinion's word in the contract.
func (o Opinion) String() string {
	switch o {
	case NoWord:
		return "pass"
	case Hold:
		return "hold"
	case Block:
	}
	return "block"
}

// The kinds of a Question.
const (
	KindDefinition = "definition"
	KindCall       = "call" // that waits
)

// Question is what a judge is asked about.
type Question struct {
	Kind       string          `json:"kind"`
	Upstream   string          `json:"upstream"`
	Item       string          `json:"item"` // its name
	ItemKind   string          `json:"item_kind"`
	Digest     string          `json:"digest"`              // of the definition
	Approved   json.RawMessage `json:"approved,omitempty"`  // the definition approved before; of a changed one
	Definition json.RawMessage `json:"definition"`          // as the upstream sent it
	Arguments  json.RawMessage `json:"arguments,omitempty"` // of a call
	Subject    string          `json:"subject,omitempty"`   // who calls
	Findings   []Finding       `json:"findings,omitempty"`  // what Doorward's own detectors saw
}

// Finding is a finding as a judge reads it.
type Finding struct {
	Rule     string `json:"rule"`
	Severity string `json:"severity"`
	Where    string `json:"where"`
}

// Answer is what a judge said.
type Answer struct {
	Opinion Opinion
	Reason  string // for people; at most maxReason bytes
}

// Bounds.
const (
	maxReason     = 512
	maxAnswer     = 64 << 10 // bytes of an answer that are read
	maxRemembered = 4096     // answers by question
	lifetime      = 24 * time.Hour
)

// asker puts one question. Its answer is checked by whoever made it.
type asker interface {
	ask(ctx context.Context, question []byte) (Answer, error)
}

// Config is one judge. URL and Timeout are required.
type Config struct {
	URL     string
	Model   string                      // not empty: an OpenAI-compatible API is asked for this model
	Secret  func() (gate.Secret, error) // sent as a bearer token; nil: none
	Timeout time.Duration
	Roots   *x509.CertPool // nil: the system's
	// PassOnFailure says that a judge who gives no answer changes nothing.
	PassOnFailure bool
}

// Judge asks and remembers. Any number of goroutines may use it; it has none of
// its own.
type Judge struct {
	asker   asker
	timeout time.Duration
	pass    bool
	slots   chan struct{}
	known   *otter.Cache[[sha256.Size]byte, Answer]
	failures
}

// New makes a judge.
func New(c Config) (*Judge, error) {
	if c.Timeout <= 0 {
		return nil, errors.New("judge: a timeout is required")
	}
	client, err := newClient(c)
	if err != nil {
		return nil, err
	}
	j := &Judge{timeout: c.Timeout, pass: c.PassOnFailure, slots: make(chan struct{}, MaxAtOnce)}
	j.asker = &contract{client}
	if c.Model != "" {
		j.asker = &chat{client: client, model: c.Model}
	}
	j.known = otter.Must(&otter.Options[[sha256.Size]byte, Answer]{
		MaximumSize:      maxRemembered,
		ExpiryCalculator: otter.ExpiryWriting[[sha256.Size]byte, Answer](lifetime),
		Executor:         func(work func()) { work() },
	})
	return j, nil
}

// Ask is what the judge says. A question that was answered within a day is not
// asked again. Without an answer the opinion is Block, or NoWord where the
// configuration says so; the error then says why, for the log. One about a definition
// is asked again after half a minute at the earliest, and the error is ErrRecently
// until then.
func (j *Judge) Ask(ctx context.Context, q Question) (Answer, error) {
	body, err := json.Marshal(struct {
		Version int `json:"version"`
		Question
	}{1, q})
	if err != nil {
		return j.failed(fmt.Errorf("writing a question: %w", err))
	}
	key := keyOf(q.Kind, body)
	if a, ok := j.known.GetIfPresent(key); ok {
		return a, nil
	}
	if j.recent(key) {
		return j.failed(ErrRecently)
	}
	a, err := j.put(ctx, body)
	if err != nil {
		if q.Kind == KindDefinition {
			j.remember(key)
		}
		return j.failed(err)
	}
	a.Reason = cut(a.Reason)
	j.known.Set(key, a)
	return a, nil
}

// put puts one question when its turn comes.
func (j *Judge) put(ctx context.Context, body []byte) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, j.timeout)
	defer cancel()
	select {
	case j.slots <- struct{}{}:
		defer func() { <-j.slots }()
	case <-ctx.Done():
		return Answer{}, errors.New("too many questions wait for the judge")
	}
	return j.asker.ask(ctx, body)
}

func (j *Judge) failed(err error) (Answer, error) {
	a := Answer{Opinion: Block, Reason: "the judge gave no answer"}
	if j.pass {
		a.Opinion = NoWord
	}
	return a, fmt.Errorf("asking the judge: %w", err)
}

func keyOf(kind string, body []byte) [sha256.Size]byte {
	h := sha256.New()
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(kind)))
	_, _ = h.Write(n[:])
	_, _ = h.Write([]byte(kind))
	_, _ = h.Write(body)
	return [sha256.Size]byte(h.Sum(nil))
}

// cut keeps a reason short, between characters.
func cut(s string) string {
	if len(s) <= maxReason {
		return s
	}
	i := maxReason
	for i > 0 && s[i]&0xc0 == 0x80 {
		i--
	}
	return s[:i]
}

// opinionOf reads an opinion's word.
func opinionOf(word string) (Opinion, error) {
	for _, o := range [...]Opinion{Block, Hold, NoWord} {
		if o.String() == word {
			return o, nil
		}
	}
	return Block, fmt.Errorf("the verdict is %.40q, not pass, hold or block", word)
}
