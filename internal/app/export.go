package app

import (
	"archive/zip"
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"path/filepath"
	"slices"
	"time"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/flow"
	"doorward/internal/gate"
	"doorward/internal/monitor"
	"doorward/internal/store"
)

// exportVersion is that of the form of an export.
const exportVersion = 1

// maxRectifications bounds those of one person that an export takes along.
const maxRectifications = 10_000

//go:embed export.schema.json
var exportSchema []byte

//go:embed export.readme.md
var exportReadme []byte

// Export implements admin.Privacy: a zip file with everything that is kept about one
// person, and nobody else's data, written as it is read.
func (a *App) Export(ctx context.Context, actor string, w admin.Whom, to io.Writer) error {
	logs, err := a.logs()
	if err != nil {
		return operated("exporting", err)
	}
	s, err := a.onePerson(ctx, w, logs)
	if err != nil {
		if unsaid := a.trail.Event(ctx, gate.Event{Kind: "privacy.request", Actor: actor, Detail: "export", Status: "refused"}); unsaid != nil {
			err = unsaid // why may say who is of that name
		}
		return operated("exporting", err)
	}
	e := gate.Event{Kind: "privacy.export", Actor: actor, Detail: fmt.Sprintf("keys %v", s.ids())}
	if s.keys != nil { // they are known, and need no new key
		e.Principal = s.principal()
	}
	err = a.act(ctx, []gate.Event{e}, func() error {
		x := &export{app: a, who: s, logs: logs, zip: zip.NewWriter(to), made: time.Now().UTC()}
		return x.write(ctx)
	})
	return operated("exporting", err)
}

// export is one on its way out.
type export struct {
	app   *App
	who   *somebody
	logs  []sealedLog
	zip   *zip.Writer
	made  time.Time
	files []exportedFile
	said  []righted // rectifications, in the order of the logs
}

// exportedFile is a file in the manifest.
type exportedFile struct {
	Name    string `json:"name"`
	SHA256  string `json:"sha256"`
	Bytes   int64  `json:"bytes"`
	Records int    `json:"records,omitempty"`
}

// manifest says what an export is, and what it holds.
type manifest struct {
	Version   int            `json:"version"`
	Made      time.Time      `json:"made"`
	Generator string         `json:"generator"`
	Log       string         `json:"log"` // whose key signs it
	Signer    string         `json:"signer"`
	Person    admin.Someone  `json:"person"`
	Files     []exportedFile `json:"files"`
}

func (x *export) write(ctx context.Context) error {
	steps := []func(context.Context) error{
		func(context.Context) error { return x.bytes("README.md", exportReadme) },
		func(context.Context) error { return x.bytes("schema.json", exportSchema) },
		x.rectifications, x.records, x.apiKeys, x.revocations, x.approvals, x.labels, x.profile, x.alerts, x.incidents, x.manifest,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return x.zip.Close()
}

// counted is a file that is being written.
type counted struct {
	to  io.Writer
	sum hash.Hash
	n   int64
}

// Write implements io.Writer.
func (c *counted) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	_, _ = c.sum.Write(p[:n])
	c.n += int64(n)
	return n, err
}

// file writes one file and remembers it for the manifest. fill returns how many records
// it has.
func (x *export) file(name string, fill func(io.Writer) (int, error)) error {
	to, err := x.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: x.made})
	if err != nil {
		return err
	}
	const buffer = 64 << 10
	c := &counted{to: to, sum: sha256.New()}
	out := bufio.NewWriterSize(c, buffer)
	n, err := fill(out)
	if err = cmp.Or(err, out.Flush()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	x.files = append(x.files, exportedFile{Name: name, SHA256: hex.EncodeToString(c.sum.Sum(nil)), Bytes: c.n, Records: n})
	return nil
}

func (x *export) bytes(name string, text []byte) error {
	return x.file(name, func(w io.Writer) (int, error) {
		_, err := w.Write(text)
		return 0, err
	})
}

// list writes a JSON array.
func list[T any](x *export, name string, all []T) error {
	return x.file(name, func(w io.Writer) (int, error) {
		if all == nil {
			all = []T{}
		}
		return len(all), indented(w, all)
	})
}

func indented(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// each yields every record of the person, revealed, of all logs.
func (x *export) each(ctx context.Context, q audit.Query, yield func(sealedLog, *audit.Record) error) error {
	realms := x.app.realms()
	for _, one := range x.logs {
		err := audit.Read(ctx, one.dir, q, func(r *audit.Record) error {
			if !x.theirs(one, r) {
				return nil
			}
			p, ok := one.ring.Whose(r, realms)
			if !ok || p != x.who.Person {
				return nil
			}
			return yield(one, r)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// theirs tells whether it is worth while to open a record.
func (x *export) theirs(one sealedLog, r *audit.Record) bool {
	return slices.Contains(x.who.keys[one.dir], r.Key) || r.Principal.Subject != "" && r.Principal.Subject == x.who.Subject
}

// rectifications are read first, so that each record can say what was said of it.
func (x *export) rectifications(ctx context.Context) error {
	err := x.each(ctx, audit.Query{Event: rectified}, func(one sealedLog, r *audit.Record) error {
		text, err := one.ring.Arguments(r)
		if err != nil {
			return err
		}
		if len(x.said) >= maxRectifications {
			return fmt.Errorf("more than %d rectifications", maxRectifications)
		}
		t := righted{Exchange: r.Exchange, Time: r.Time, Log: filepath.Base(one.dir), Seq: r.Seq}
		if err := json.Unmarshal(text, &t.rectification); err != nil {
			return err
		}
		x.said = append(x.said, t)
		return nil
	})
	if err != nil {
		return err
	}
	return list(x, "rectifications.json", x.said)
}

func (x *export) records(ctx context.Context) error {
	of := map[string][]righted{}
	for _, t := range x.said {
		if t.Exchange != "" {
			of[t.Exchange] = append(of[t.Exchange], t)
		}
	}
	return x.file("records.jsonl", func(w io.Writer) (n int, err error) {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		err = x.each(ctx, audit.Query{}, func(one sealedLog, r *audit.Record) error {
			out := outOf(one, r)
			if r.Event != rectified {
				out.Rectified = of[r.Exchange]
			}
			n++
			return enc.Encode(out)
		})
		return n, err
	})
}

// outKey is an API key of the person: its public facts.
type outKey struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Roles    []string  `json:"roles"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires,omitzero"`
	Revoked  time.Time `json:"revoked,omitzero"`
	LastUsed time.Time `json:"last_used,omitzero"`
	Signing  bool      `json:"signing,omitempty"`
}

func (x *export) apiKeys(context.Context) error {
	var out []outKey
	if x.who.Realm == gate.RealmKeys {
		all, err := x.app.keys.List()
		if err != nil {
			return err
		}
		for i := range all {
			if k := &all[i]; k.Name == x.who.Subject {
				out = append(out, outKey{ID: k.ID, Name: k.Name, Roles: k.Roles, Created: k.Created, Expires: k.Expires, Revoked: k.Revoked, LastUsed: k.LastUsed, Signing: k.Signing})
			}
		}
	}
	return list(x, "api_keys.json", out)
}

// outRevocation is one of the person, or of a token of theirs.
type outRevocation struct {
	Kind  string    `json:"kind"`
	Value string    `json:"value"`
	Until time.Time `json:"until,omitzero"`
	At    time.Time `json:"at"`
}

func (x *export) revocations(ctx context.Context) error {
	if _, err := x.app.opened(ctx); err != nil {
		return err
	}
	all, err := x.app.shared.now.Load().revoked.List(ctx)
	if err != nil {
		return err
	}
	var out []outRevocation
	for _, r := range all {
		theirs := r.Kind == store.RevokedSubject && r.Realm == x.who.Realm && r.Value == x.who.Subject ||
			r.Kind == store.RevokedToken && r.Realm == x.who.Realm && x.who.credentials[r.Value] ||
			r.Kind == store.RevokedKey && x.who.Realm == gate.RealmKeys && x.who.credentials[r.Value]
		if theirs {
			out = append(out, outRevocation{Kind: r.Kind, Value: r.Value, Until: r.Until, At: r.At})
		}
	}
	return list(x, "revocations.json", out)
}

func (x *export) approvals(ctx context.Context) error {
	s, err := x.app.opened(ctx)
	if err != nil {
		return err
	}
	all, err := s.List(ctx)
	if err != nil {
		return err
	}
	var out []outApproval
	for i := range all {
		if one, ok := x.who.approvalOf(&all[i], x.made); ok {
			out = append(out, one)
		}
	}
	return list(x, "approvals.json", out)
}

// labels are what conversations of the person have read, as control of flows knows it.
func (x *export) labels(ctx context.Context) error {
	type outLabel struct {
		Label    string    `json:"label"`
		Upstream string    `json:"upstream,omitempty"`
		Item     string    `json:"item,omitempty"`
		Exchange string    `json:"exchange,omitempty"`
		At       time.Time `json:"at"`
		Until    time.Time `json:"until"`
	}
	if _, err := x.app.opened(ctx); err != nil {
		return err
	}
	all, _, err := x.app.shared.now.Load().taints.Look(ctx, x.who.principal().Key(), flow.Words())
	if err != nil {
		return err
	}
	var out []outLabel
	for _, t := range all {
		out = append(out, outLabel{t.Label, t.Upstream, t.Name, t.Exchange, t.At, t.Until})
	}
	return list(x, "labels.json", out)
}

func (x *export) profile(context.Context) error {
	known, ok, err := x.app.monitor.Known(x.who.principal())
	if err != nil {
		return err
	}
	var out []monitor.Known
	if ok {
		out = append(out, known)
	}
	return list(x, "profile.json", out)
}

// alerts are those about the person that wait for a receiver.
func (x *export) alerts(context.Context) error {
	type outAlert struct {
		ID    string    `json:"id"`
		Rule  string    `json:"rule"`
		Count int64     `json:"count"`
		First time.Time `json:"first"`
		Last  time.Time `json:"last"`
	}
	var out []outAlert
	all, err := x.app.delivery.Alerts()
	if err != nil {
		return err
	}
	for i := range all {
		if a := &all[i]; a.Subject.Kind == monitor.OfPrincipal && x.who.alerted(a) {
			out = append(out, outAlert{a.ID, a.Rule, a.Count, a.First, a.Last})
		}
	}
	return list(x, "alerts.json", out)
}

// manifest says the digest of every file, and is signed with the key that signs the
// log's checkpoints.
func (x *export) manifest(context.Context) error {
	m := manifest{
		Version: exportVersion, Made: clockOf(x.made), Generator: "doorward " + x.app.Version,
		Log: x.app.audit.Origin(), Signer: x.app.audit.Signer(), Person: x.who.shown(true), Files: x.files,
	}
	if err := x.file("manifest.json", func(w io.Writer) (int, error) { return 0, indented(w, m) }); err != nil {
		return err
	}
	sum, err := hex.DecodeString(x.files[len(x.files)-1].SHA256)
	if err != nil {
		return err
	}
	note, _, err := x.app.audit.Attest(audit.OfExport, [32]byte(sum))
	if err != nil {
		return err
	}
	return x.bytes("manifest.note", []byte(note))
}
