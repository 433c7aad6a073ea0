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
// every character is escaped, and each entry has some bytes around it.
const maxObservedFile = 6*maxObservedBytes + maxObserved*256

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

// marshal is the file's content, one entry a line.
func (o *observed) marshal() []byte {
	dst := fmt.Appendf(nil, "{\"version\": %d, \"items\": [", version)
	for i, it := range o.all() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, "\n{\"upstream\": "...)
		dst = appendString(dst, it.upstream)
		dst = fmt.Appendf(dst, ", \"kind\": %q, \"name\": ", section(it.kind))
		dst = appendString(dst, it.name)
		if it.since != (decision{}) {
			dst = fmt.Appendf(dst, ", \"approved\": %q, \"approved_at\": %d", it.since.digest.String(), it.since.at)
		}
		dst = fmt.Appendf(dst, ", \"seen\": %d, \"definition\": ", it.seen.Load())
		dst = append(append(dst, it.canonical...), '}')
	}
	return append(dst, "\n]}\n"...)
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
	err = r.object(func(name string) error {
		switch name {
		case "version":
			v, err := r.number()
			if err == nil && v != fmt.Sprint(version) {
				err = fmt.Errorf("version %s is not %d", v, version)
			}
			return err
		case "items":
			return r.array(func() error { return o.entry(r) })
		}
		return fmt.Errorf("unknown key %q", name)
	})
	if err != nil {
		return err
	}
	if _, err := r.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("there is more after its end")
	}
	return nil
}

func (r *reader) integer() (int64, error) {
	s, err := r.number()
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(s, 10, 64)
}

func (o *observed) entry(r *reader) error {
	var k key
	var raw jsontext.Value
	rec := &observation{}
	err := r.object(func(name string) (err error) {
		var s string
		switch name {
		case "upstream":
			k.upstream, err = r.text()
		case "kind":
			s, err = r.text()
			k.kind = kindOf(s)
		case "name":
			k.name, err = r.text()
		case "seen":
			var t int64
			t, err = r.integer()
			rec.seen.Store(t)
		case "approved":
			if s, err = r.text(); err == nil {
				rec.since.digest, err = parseDigest(s)
			}
		case "approved_at":
			rec.since.at, err = r.integer()
		case "definition":
			raw, err = r.dec.ReadValue()
			raw = raw.Clone()
		default:
			err = fmt.Errorf("unknown key %q", name)
		}
		return err
	})
	if err != nil {
		return err
	}
	if k.kind == gate.NoItem || raw == nil {
		return errors.New("an entry lacks its kind or definition")
	}
	if rec.canonical, rec.digest, err = canonical(k.kind, raw); err != nil {
		return err
	}
	if o.items[k] == nil && o.store(k, rec) {
		return nil
	}
	return fmt.Errorf("%s %q of %q does not fit or is there twice", k.kind, k.name, k.upstream)
}
