package store

import (
	"context"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"doorward/internal/gate"
)

const (
	taintVersion = 1
	taintSealing = "doorward taints v1"
	taintNaming  = "doorward taints names v1"
	maxTaintText = 256     // bytes of each text in a record; longer ones are cut
	maxTaintSize = 4 << 10 // bytes of a sealed record
	maxTaintLife = 31 * 24 * time.Hour
	maxTaints    = 20_000 // live ones of one gateway, about 10 MB; nothing live makes room
)

// taintRecord is the text under a taint's seal.
type taintRecord struct {
	Version  int       `json:"version"`
	Label    string    `json:"label"`
	Upstream string    `json:"upstream,omitempty"`
	Name     string    `json:"name,omitempty"`
	Exchange string    `json:"exchange,omitempty"`
	At       time.Time `json:"at"`
}

// keptTaint is a sealed record in a home.
type keptTaint struct {
	id     string // Taints.id, or plainTaintID
	until  int64  // Unix milliseconds; what has ended may be forgotten
	sealed string
}

// plainTaintID is what earlier versions named a label of a conversation by, an SHA-256
// without a key: whoever guesses a caller finds them. It is looked for until the last has
// ended (maxTaintLife), and never made anew.
func plainTaintID(conversation, label string) string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%d:%s%s", len(conversation), conversation, label)
	return hex.EncodeToString(h.Sum(nil))
}

// taintHome is where sealed taints are: a process, a file or Redis. It looks at no
// seal, and is safe for concurrent use.
type taintHome interface {
	// get returns what there is of the ids, and since when the home has forgotten
	// nothing: zero when it never has.
	get(ctx context.Context, ids []string) (found []keptTaint, since time.Time, err error)
	// put keeps the records, but for those of which it has one that ends later. It
	// is for good when it returns.
	put(ctx context.Context, records []keptTaint) error
	// drop forgets records, for good when it returns.
	drop(ctx context.Context, ids []string) error
	healthy(ctx context.Context) error
}

// Taints keeps the labels that what a conversation has read left on it (G5,
// POL-54), in the process, in a file for one gateway, or in Redis for several. A
// label stays until its end, and a later end replaces an earlier one, never the
// reverse. Who reconnects is who he was: a conversation is named by its caller, and
// no caller can name another.
//
// Records are under a seal: who cannot make one cannot make a conversation clean by
// altering it. Who can write the home can remove one. What cannot be read or does
// not open is an error, and refuses. It is safe for concurrent use.
type Taints struct {
	home   taintHome
	sealer cipher.AEAD
	blind  blinder // of conversations: without its key nobody can look for one (GDP-07)
}

func newTaints(home taintHome, secret []byte, use string) (*Taints, error) {
	seals, err := newApprovalSeals(secret, use)
	if err != nil {
		return nil, err
	}
	blind, err := newBlinder(secret, taintNaming)
	if err != nil {
		return nil, err
	}
	return &Taints{home: home, sealer: seals.AEAD, blind: blind}, nil
}

// id names a label of a conversation, and tells nothing of it.
func (t *Taints) id(conversation, label string) string { return t.blind.hash(conversation, label) }

// Look returns which of the labels the conversation has now, and since when the
// memory has forgotten nothing; zero when it never has. What was read before then
// is unknown.
func (t *Taints) Look(ctx context.Context, conversation string, labels []string) ([]gate.Taint, time.Time, error) {
	out, _, since, err := t.look(ctx, conversation, labels)
	return out, since, err
}

// look also returns the records that there are.
func (t *Taints) look(ctx context.Context, conversation string, labels []string) (out []gate.Taint, found []keptTaint, since time.Time, err error) {
	if conversation == "" {
		return nil, nil, since, errors.New("looking at taints: the conversation has no name")
	}
	ids := make([]string, 0, 2*len(labels))
	for _, label := range labels {
		ids = append(ids, t.id(conversation, label), plainTaintID(conversation, label))
	}
	found, since, err = t.home.get(ctx, ids)
	if err != nil {
		return nil, nil, since, fmt.Errorf("looking at taints: %w", err)
	}
	now := time.Now().UnixMilli()
	for i := range found {
		if found[i].until <= now {
			continue
		}
		taint, err := t.open(&found[i])
		if err == nil && t.id(conversation, taint.Label) != found[i].id && plainTaintID(conversation, taint.Label) != found[i].id {
			err = errors.New("it is another's")
		}
		if err != nil {
			return nil, nil, since, fmt.Errorf("looking at taints: %w", err)
		}
		out = withTaint(out, &taint)
	}
	return out, found, since, nil
}

// withTaint adds a taint, of one label that which ends last.
func withTaint(all []gate.Taint, one *gate.Taint) []gate.Taint {
	for i := range all {
		if all[i].Label == one.Label {
			if all[i].Until.Before(one.Until) {
				all[i] = *one
			}
			return all
		}
	}
	return append(all, *one)
}

// Add leaves taints on a conversation until the end that each names.
func (t *Taints) Add(ctx context.Context, conversation string, taints []gate.Taint) error {
	if conversation == "" {
		return errors.New("adding taints: the conversation has no name")
	}
	now := time.Now()
	records := make([]keptTaint, 0, len(taints))
	for i := range taints {
		a := &taints[i]
		if left := a.Until.Sub(now); a.Label == "" || left > maxTaintLife {
			return fmt.Errorf("adding taints: one has no label, or lasts longer than %v", maxTaintLife)
		}
		k, err := t.seal(conversation, a)
		if err != nil {
			return fmt.Errorf("adding taints: %w", err)
		}
		records = append(records, k)
	}
	if err := t.home.put(ctx, records); err != nil {
		return fmt.Errorf("adding taints: %w", err)
	}
	return nil
}

// Forget takes out of what a conversation has read what, through which call and when:
// that it has read something of a label stays until its end, under a keyed hash, or
// somebody who is erased could let out what they have. n is of how many labels.
func (t *Taints) Forget(ctx context.Context, conversation string, labels []string) (n int, err error) {
	taints, found, _, err := t.look(ctx, conversation, labels)
	if err != nil {
		return 0, fmt.Errorf("forgetting: %w", err)
	}
	there := map[string]bool{}
	for i := range found {
		there[found[i].id] = true
	}
	var bare []keptTaint
	for i := range taints {
		a := &taints[i]
		if a.Name == "" && a.Exchange == "" && there[t.id(conversation, a.Label)] {
			continue // it was forgotten before
		}
		until := a.Until.Add(time.Millisecond) // later than what it replaces
		k, err := t.seal(conversation, &gate.Taint{Label: a.Label, At: time.Now(), Until: until})
		if err != nil {
			return 0, fmt.Errorf("forgetting: %w", err)
		}
		bare = append(bare, k)
	}
	if err := t.home.put(ctx, bare); err != nil {
		return 0, fmt.Errorf("forgetting: %w", err)
	}
	var plain []string
	for _, label := range labels {
		if id := plainTaintID(conversation, label); there[id] {
			plain = append(plain, id)
		}
	}
	if err := t.home.drop(ctx, plain); err != nil {
		return 0, fmt.Errorf("forgetting: %w", err)
	}
	return len(bare), nil
}

// Healthy tells whether the memory can be asked now.
func (t *Taints) Healthy(ctx context.Context) error {
	if err := t.home.healthy(ctx); err != nil {
		return fmt.Errorf("taints: %w", err)
	}
	return nil
}

// about is what a seal is good for beside its text.
func (k *keptTaint) about() []byte { return fmt.Appendf(nil, "taint %s until %d", k.id, k.until) }

// seal makes the record of a taint.
func (t *Taints) seal(conversation string, a *gate.Taint) (keptTaint, error) {
	k := keptTaint{id: t.id(conversation, a.Label), until: a.Until.UnixMilli()}
	text, err := json.Marshal(taintRecord{
		Version: taintVersion, Label: a.Label, Upstream: cutTaint(a.Upstream), Name: cutTaint(a.Name),
		Exchange: cutTaint(a.Exchange), At: a.At.UTC(),
	})
	if err != nil {
		return k, err
	}
	k.sealed = string(t.sealer.Seal(nil, nil, text, k.about())) //nolint:gosec // G407: the cipher makes a random nonce itself
	return k, nil
}

// open reads a record. Without its text nothing is known of the conversation.
func (t *Taints) open(k *keptTaint) (gate.Taint, error) {
	text, err := t.sealer.Open(nil, nil, []byte(k.sealed), k.about())
	if err != nil {
		return gate.Taint{}, errors.New("a record does not open: it was altered, or sealed with another key")
	}
	var r taintRecord
	if err := json.Unmarshal(text, &r, json.RejectUnknownMembers(true)); err != nil {
		return gate.Taint{}, err
	}
	if r.Version != taintVersion {
		return gate.Taint{}, fmt.Errorf("version %d, this program knows version %d", r.Version, taintVersion)
	}
	return gate.Taint{
		Label: r.Label, Upstream: r.Upstream, Name: r.Name, Exchange: r.Exchange, At: r.At, Until: time.UnixMilli(k.until).UTC(),
	}, nil
}

// cutTaint bounds a text, at a rune.
func cutTaint(s string) string {
	if len(s) <= maxTaintText {
		return s
	}
	n := maxTaintText
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
