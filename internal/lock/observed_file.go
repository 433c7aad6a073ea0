package lock

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/gate"
)

// maxObservedFile bounds observed.json: definitions may grow sixfold when
// every character is escaped, and each entry has some bytes around it. What
// drifted takes no more room there than twice that of its pin in the lock.
const maxObservedFile = 6*maxObservedBytes + maxObserved*256 + 2*maxFile

// flushDelay is how long observations may stay in memory only: evidence for
// `trust list` while the gateway is down, and which approved items drifted.
const flushDelay = time.Second

// Run writes observations to data_dir/observed.json until ctx ends, and once
// more then. app runs it and waits for it.
func (p *Pins) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			p.flush()
			return
		case <-p.observed.dirty:
			p.observed.touch() // flush takes it
			pause := time.NewTimer(flushDelay)
			select {
			case <-ctx.Done():
			case <-pause.C:
			}
			pause.Stop()
			p.flush()
		}
	}
}

func (p *Pins) flush() {
	if err := p.Flush(); err != nil {
		p.log.Warn("observed definitions are not saved", "error", err)
	}
}

// Flush writes observations that are not on disk yet. The CLI calls it after a
// change made without a running gateway.
func (p *Pins) Flush() error {
	o := &p.observed
	if o.path == "" {
		return nil
	}
	select {
	case <-o.dirty:
	default:
		return nil
	}
	if err := replace(o.path, o.marshal(), 0o600, nil); err != nil {
		o.touch()
		return fmt.Errorf("writing %s: %w", o.path, err)
	}
	return nil
}

// marshal is the file's content, one entry a line: what drifted, whether or not
// there was room for what it drifted to, and the definitions.
func (o *observed) marshal() []byte {
	dst := fmt.Appendf(nil, "{\"version\": %d, \"drifted\": [", version)
	for i, it := range o.allMarks() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendSince(appendKey(dst, it.key), it.since)
		if it.stranger {
			dst = append(dst, ", \"stranger\": true"...)
		}
		dst = append(dst, '}')
	}
	dst = append(dst, "\n], \"items\": ["...)
	for i, it := range o.all() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendSince(appendKey(dst, it.key), it.since)
		dst = fmt.Appendf(dst, ", \"seen\": %d, \"definition\": ", it.seen.Load())
		dst = append(append(dst, it.canonical...), '}')
	}
	return append(dst, "\n]}\n"...)
}

// appendKey appends the beginning of an entry.
func appendKey(dst []byte, k key) []byte {
	dst = appendString(append(dst, "\n{\"upstream\": "...), k.upstream)
	dst = fmt.Appendf(dst, ", \"kind\": %q, \"name\": ", section(k.kind))
	return appendString(dst, k.name)
}

func appendSince(dst []byte, since decision) []byte {
	if since == (decision{}) {
		return dst
	}
	return fmt.Appendf(dst, ", \"approved\": %q, \"approved_at\": %d", since.digest.String(), since.at)
}

// load reads the file. Digests are computed anew, so an edited file can show a
// person something else but never have it approved as another definition.
func (o *observed) load() error {
	data, err := read(o.path, maxObservedFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	r := &reader{dec: jsontext.NewDecoder(bytes.NewBuffer(data))}
	listed := false
	err = r.object(func(name string) error {
		switch name {
		case "version":
			v, err := r.number()
			if err == nil && v != fmt.Sprint(version) {
				err = fmt.Errorf("version %s is not %d", v, version)
			}
			return err
		case "drifted":
			listed = true
			return r.array(func() error { return o.entry(r, true) })
		case "items":
			return r.array(func() error { return o.entry(r, false) })
		}
		return fmt.Errorf("unknown key %q", name)
	})
	if err != nil {
		return err
	}
	if _, err := r.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("there is more after its end")
	}
	if !listed { // older files have no list of what drifted
		for k, rec := range o.items {
			o.marks[k] = mark{since: rec.since}
		}
	}
	return nil
}

// yes reads true; what is not so is left out.
func (r *reader) yes() (bool, error) {
	t, err := r.dec.ReadToken()
	if err == nil && t.Kind() != jsontext.KindTrue {
		err = fmt.Errorf("%v where true belongs", t.Kind())
	}
	return err == nil, err
}

func (r *reader) integer() (int64, error) {
	s, err := r.number()
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(s, 10, 64)
}

// entry reads one entry: of what drifted, or a definition.
func (o *observed) entry(r *reader, drifted bool) error {
	e := entry{}
	if err := r.object(func(name string) error { return e.member(r, name) }); err != nil {
		return err
	}
	if e.kind == gate.NoItem || e.upstream == "" {
		return errors.New("an entry lacks its kind or upstream")
	}
	if drifted != (e.raw == nil) || drifted && e.since == (decision{}) {
		return fmt.Errorf("%s %q of %q is no entry of its list", e.kind, e.name, e.upstream)
	}
	if drifted {
		o.marks[e.key] = e.mark
		return nil
	}
	rec := &observation{since: e.since}
	rec.seen.Store(e.seen)
	var err error
	if rec.canonical, rec.digest, err = canonical(e.kind, e.raw); err != nil {
		return err
	}
	if o.items[e.key] == nil && o.store(e.key, rec) {
		return nil
	}
	return fmt.Errorf("%s %q of %q does not fit or is there twice", e.kind, e.name, e.upstream)
}

// entry is what the file says of an item.
type entry struct {
	key
	mark
	seen int64
	raw  jsontext.Value
}

func (e *entry) member(r *reader, name string) (err error) {
	var s string
	switch name {
	case "upstream":
		e.upstream, err = r.text()
	case "kind":
		s, err = r.text()
		e.kind = kindOf(s)
	case "name":
		e.name, err = r.text()
	case "seen":
		e.seen, err = r.integer()
	case "approved":
		if s, err = r.text(); err == nil {
			e.since.digest, err = parseDigest(s)
		}
	case "approved_at":
		e.since.at, err = r.integer()
	case "stranger":
		e.stranger, err = r.yes()
	case "definition":
		e.raw, err = r.dec.ReadValue()
		e.raw = e.raw.Clone()
	default:
		err = fmt.Errorf("unknown key %q", name)
	}
	return err
}
