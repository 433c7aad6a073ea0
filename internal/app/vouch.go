package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"path/filepath"
	"slices"
	"strings"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gate"
	"doorward/internal/store"
)

// maxManifestFiles bounds what is vouched for, as bundles are bounded.
const maxManifestFiles = 1024

// maxFramework bounds the name of a framework on record, in bytes.
const maxFramework = 32

// Vouch implements admin.Investigation. It signs nothing that it was only told: the
// incident, its records, and what was sealed in them it finds itself.
func (a *App) Vouch(ctx context.Context, actor string, m admin.Manifest) (out admin.Attestation, err error) {
	e := gate.Event{Kind: "incident.bundle", Actor: actor}
	text, err := m.Text()
	if err == nil && len(m.Files) > maxManifestFiles {
		err = fmt.Errorf("a bundle has at most %d files", maxManifestFiles)
	}
	if err == nil && m.Framework != "" {
		e.Kind, err = "audit.evidence", frameworkOnly(&m)
	}
	var one store.Incident
	if err == nil && m.Framework == "" {
		one, err = a.incidentFor(ctx, m.Incident)
	}
	if err != nil {
		return out, operated("vouching for evidence", err)
	}
	digest := sha256.Sum256(text)
	e.Detail = fmt.Sprintf("%s sha256 %x records %d", m.Incident+m.Framework, digest, recordsIn(&m))
	if m.Opened {
		e.Detail += " open"
	}
	err = a.act(ctx, []gate.Event{e}, func() error {
		if m.Framework == "" {
			if err := a.agrees(ctx, &one, &m); err != nil {
				return err
			}
		}
		out.Note, out.Public, err = a.audit.Attest(audit.OfEvidence, digest)
		return err
	})
	return out, operated("vouching for evidence", err)
}

func recordsIn(m *admin.Manifest) int {
	n := 0
	for _, l := range m.Logs {
		n += l.Records
	}
	return n
}

// frameworkOnly refuses evidence for an audit that says anything of an incident or a
// record.
func frameworkOnly(m *admin.Manifest) error {
	odd := strings.ContainsFunc(m.Framework, func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' })
	if m.Incident != "" || odd || len(m.Framework) > maxFramework {
		return errors.New("evidence is about an incident or a framework, by its name")
	}
	own := func(f admin.ManifestFile) bool { return f.Name == "evidence.json" || f.Name == "evidence.md" }
	if m.Opened || m.Cut || len(m.Logs) > 0 || !slices.ContainsFunc(m.Files, own) || slices.ContainsFunc(m.Files, func(f admin.ManifestFile) bool { return !own(f) }) {
		return errors.New("evidence for an audit is evidence.json and evidence.md")
	}
	return nil
}

func (a *App) incidentFor(ctx context.Context, id string) (one store.Incident, err error) {
	s, err := a.incidents(ctx)
	if err == nil {
		one, err = s.Get(ctx, id)
	}
	return one, incidentFault(id, err)
}

// agrees finds an incident and its records anew, and refuses a manifest that has them
// otherwise.
func (a *App) agrees(ctx context.Context, one *store.Incident, m *admin.Manifest) error {
	if m.Since.IsZero() || m.Until.IsZero() {
		return errors.New("a bundle has the time that was looked at")
	}
	logs, err := a.logs()
	if err != nil {
		return err
	}
	found, err := concerned(ctx, one, admin.IncidentQuery{Incident: one.ID, Since: m.Since, Until: m.Until}, logs)
	if err != nil {
		return err
	}
	if found.Cut != m.Cut || len(found.Logs) != len(m.Logs) {
		return errNotFound("the list of logs")
	}
	w := foundAgain{want: map[string]admin.ManifestFile{}}
	shown := a.shownIncident(one, m.Opened)
	if err := errors.Join(w.value("incident.json", &shown), w.value("containments.json", shown.Containments)); err != nil {
		return err
	}
	for i := range found.Logs {
		named := &found.Logs[i]
		at := slices.IndexFunc(logs, func(l sealedLog) bool { return filepath.Base(l.dir) == named.Log })
		n, err := w.log(ctx, logs[at], named, m)
		if err != nil {
			return err
		}
		if l := m.Logs[i]; l.Name != named.Log || l.Records != n || l.Proven < 0 || l.Proven > n {
			return errNotFound("the records of " + named.Log)
		}
	}
	return w.holds(m.Files)
}

// errNotFound is a manifest that has something otherwise than the gateway.
func errNotFound(what string) error {
	return fmt.Errorf("%s is not as this gateway has it: where the incident changed meanwhile, gather it again", what)
}

// foundAgain are the files of a bundle as they have to be.
type foundAgain struct{ want map[string]admin.ManifestFile }

func (w *foundAgain) value(name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	text = append(text, '\n')
	sum := sha256.Sum256(text)
	w.want[name] = admin.ManifestFile{Name: name, Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:])}
	return err
}

// log reads the records of one log, and how many they are.
func (w *foundAgain) log(ctx context.Context, l sealedLog, named *admin.LogRecords, m *admin.Manifest) (int, error) {
	seqs := slices.Concat(named.Own, named.Calls)
	slices.Sort(seqs)
	sealed, opened := newSummed("records/"+named.Log+".jsonl"), newSummed("opened/"+named.Log+".jsonl")
	n := 0
	err := audit.Read(ctx, l.dir, audit.Query{Since: m.Since, Until: m.Until}, func(r *audit.Record) error {
		if n == len(seqs) {
			return audit.ErrStop
		}
		if r.Seq != seqs[n] {
			return nil
		}
		n++
		line := r.AppendJSON(nil)
		sealed.add(line)
		if !m.Opened {
			return nil
		}
		open, err := l.ring.Line(line)
		opened.add(open)
		return err
	})
	if err == nil && n < len(seqs) {
		err = errNotFound("the log " + named.Log)
	}
	sealed.into(w.want)
	if m.Opened {
		opened.into(w.want)
	}
	return n, err
}

// holds compares, and refuses files of records that nobody found.
func (w *foundAgain) holds(files []admin.ManifestFile) error {
	seen := 0
	for i, f := range files {
		if i > 0 && files[i-1].Name >= f.Name {
			return errors.New("the files of a bundle are sorted by name, each once")
		}
		want, ok := w.want[f.Name]
		switch {
		case ok && f != want, !ok && (strings.HasPrefix(f.Name, "records/") || strings.HasPrefix(f.Name, "opened/")):
			return errNotFound(gate.Visible(f.Name))
		case ok:
			seen++
		}
	}
	if seen != len(w.want) {
		return errors.New("the bundle lacks the incident or its records")
	}
	return nil
}

// summed is a file of lines that is only hashed.
type summed struct {
	name string
	size int64
	sum  hash.Hash
}

func newSummed(name string) *summed { return &summed{name: name, sum: sha256.New()} }

func (s *summed) add(line []byte) {
	s.sum.Write(line)
	s.sum.Write([]byte{'\n'})
	s.size += int64(len(line)) + 1
}

func (s *summed) into(files map[string]admin.ManifestFile) {
	files[s.name] = admin.ManifestFile{Name: s.name, Size: s.size, SHA256: hex.EncodeToString(s.sum.Sum(nil))}
}
