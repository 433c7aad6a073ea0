package config

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"doorward/internal/cosignature"
)

// Checkpoint is how the audit log's checkpoints are made, and who takes them outside.
type Checkpoint struct {
	// Every is how often a checkpoint is made and taken outside. What comes after the newest one could be cut off unnoticed.
	Every Duration `yaml:"every"`
	// Origin is the name of the log in its checkpoints, by which witnesses know it. Made of data_dir/audit.key unless written. Under another name the log is another one to witnesses and anchors.
	Origin string `yaml:"origin"`
	// Witness cosigns checkpoints (C2SP tlog-witness), and does not when it has seen another history of the log. One of them, or a list.
	Witness []Witness `yaml:"witness" list:"or one"`
	// Cosignatures is how many witnesses must cosign a checkpoint. Not written: all of them.
	Cosignatures int `yaml:"cosignatures"`
	// AlertAfter is how long an anchor may fail, or checkpoints be without enough cosignatures, before an alert is raised (security_events).
	AlertAfter Duration `yaml:"alert_after"`
	// Anchors keep checkpoints where whoever can write the log should not be able to write.
	Anchors []Anchor `yaml:"anchors"`
}

// Witness is somebody who cosigns checkpoints.
type Witness struct {
	// URL of the witness, before /add-checkpoint: https, or http on loopback.
	URL string `yaml:"url" type:"url"`
	// Key that it cosigns with: name+id+base64, of cosignature/v1 (Ed25519).
	Key string `yaml:"key"`
	// CA is the file with the certificates, PEM, that its certificate is verified by. The system's unless written.
	CA string `yaml:"ca" type:"path"`
}

// Anchor keeps checkpoints.
type Anchor struct {
	// Kind of what keeps them.
	Kind string `yaml:"kind" enum:"file git http"`
	// Name in metrics and events: lower-case letters, digits and hyphens, at most 64. The kind unless written; two of a kind need one.
	Name string `yaml:"name"`
	// Every is the least time between two checkpoints that it gets.
	Every Duration `yaml:"every"`
	// Path of the file that file appends to. Doorward makes it, for its own user alone (0600).
	Path string `yaml:"path" type:"path"`
	// Dir of the repository that git commits to, on the branch doorward. Doorward makes it, bare, where there is none.
	Dir string `yaml:"dir" type:"path"`
	// Remote that git pushes the branch to: https, ssh, user@host:path or a path. None unless written.
	Remote string `yaml:"remote"`
	// URL that http posts to: https, or http on loopback.
	URL string `yaml:"url" type:"url"`
	// Secret that http signs with (Standard Webhooks), at least 24 bytes.
	Secret string `yaml:"secret" type:"secret name"`
	// CA is the file with the certificates, PEM, that http verifies the receiver's by. The system's unless written.
	CA string `yaml:"ca" type:"path"`
}

// Bounds of checkpoints. What is not outside for an hour is no anchor, and eight
// witnesses fit into one checkpoint.
const (
	minCheckpoint = Duration(time.Second)
	maxCheckpoint = Duration(time.Hour)
	maxAlertAfter = Duration(7 * aDay)
	maxWitnesses  = 8
	maxAnchors    = 8
	maxOrigin     = 200
)

func defaultCheckpoint() Checkpoint {
	return Checkpoint{Every: Duration(10 * time.Second), AlertAfter: Duration(10 * time.Minute)}
}

func (a *Anchor) setDefaults() { a.Every = Duration(time.Minute) }

// finish fills in what depends on other keys, and returns the paths.
func (c *Checkpoint) finish() []*string {
	var paths []*string
	if c.Cosignatures == 0 {
		c.Cosignatures = len(c.Witness)
	}
	for i := range c.Witness {
		paths = append(paths, &c.Witness[i].CA)
	}
	for i := range c.Anchors {
		a := &c.Anchors[i]
		if a.Name == "" {
			a.Name = a.Kind
		}
		paths = append(paths, &a.Path, &a.Dir, &a.CA)
	}
	return paths
}

func (v *checker) checkpoint() {
	const at = "audit.checkpoint"
	c := &v.c.Audit.Checkpoint
	if c.Every < minCheckpoint || c.Every > maxCheckpoint {
		v.fault(at+".every", "must be between %v and %v", minCheckpoint, maxCheckpoint)
	}
	if c.AlertAfter < minCheckpoint || c.AlertAfter > maxAlertAfter {
		v.fault(at+".alert_after", "must be between %v and %v", minCheckpoint, maxAlertAfter)
	}
	if c.Origin != "" && !goodOrigin(c.Origin) {
		v.fault(at+".origin", "must be printable text without spaces and plus signs, at most %d bytes, such as audit.example.com/gateway", maxOrigin)
	}
	if c.Cosignatures < 0 || c.Cosignatures > len(c.Witness) || c.Cosignatures == 0 && len(c.Witness) > 0 {
		v.fault(at+".cosignatures", "must be between 1 and the number of witnesses, %d", len(c.Witness))
	}
	if len(c.Witness) > maxWitnesses {
		v.fault(at+".witness", "has more than %d", maxWitnesses)
	}
	names := map[string]bool{}
	for i := range c.Witness {
		v.witness(fmt.Sprintf("%s.witness[%d]", at, i), &c.Witness[i], names)
	}
	if len(c.Anchors) > maxAnchors {
		v.fault(at+".anchors", "has more than %d", maxAnchors)
	}
	for i := range c.Anchors {
		v.anchor(fmt.Sprintf("%s.anchors[%d]", at, i), &c.Anchors[i], names)
	}
}

// goodOrigin tells whether a log may have this name: that of a key of C2SP signed-note.
func goodOrigin(s string) bool {
	return len(s) <= maxOrigin && !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsGraphic(r) || r == ' ' || r == '+' })
}

func (v *checker) witness(path string, w *Witness, names map[string]bool) {
	if w.URL == "" || w.Key == "" {
		v.fault(path, "needs url and key")
		return
	}
	v.endpoint(path+".url", w.URL)
	if u, err := url.Parse(w.URL); err == nil && u.RawQuery != "" {
		v.fault(path+".url", "must have no query")
	}
	key, err := cosignature.ParseKey(w.Key)
	switch {
	case err != nil:
		v.fault(path+".key", "is no key of a witness: %v", err)
	case names[key.Name()]:
		v.fault(path+".key", "another witness is named %s too", shorten(key.Name()))
	default:
		names[key.Name()] = true
	}
}

func (v *checker) anchor(path string, a *Anchor, names map[string]bool) {
	if a.Kind == "" {
		v.fault(path, "needs kind: file, git or http")
		return
	}
	v.named(path, a.Name, names)
	if a.Every < minCheckpoint || a.Every > Duration(aDay) {
		v.fault(path+".every", "must be between %v and %v", minCheckpoint, Duration(aDay))
	}
	for _, k := range []struct{ key, value, needed, allowed string }{
		{"path", a.Path, "file", ""},
		{"dir", a.Dir, "git", ""},
		{"remote", a.Remote, "", "git"},
		{"url", a.URL, "http", ""},
		{"secret", a.Secret, "http", ""},
		{"ca", a.CA, "", "http"},
	} {
		switch {
		case k.needed == a.Kind && k.value == "":
			v.fault(path, "needs %s", k.key)
		case k.needed != a.Kind && k.allowed != a.Kind && k.value != "":
			v.fault(path+"."+k.key, "is not for %s", a.Kind)
		}
	}
	if a.Kind == "http" && a.URL != "" {
		v.endpoint(path+".url", a.URL)
	}
	if a.Kind == "http" && a.Secret != "" {
		v.reference(path+".secret", a.Secret)
	}
	if a.Remote != "" && !goodRemote(a.Remote) {
		v.fault(path+".remote", "must be https://…, ssh://…, user@host:path or an absolute path, without a password")
	}
}

// goodRemote tells whether git may push there: it has transports that start programs.
func goodRemote(s string) bool {
	if u, err := url.Parse(s); err == nil && (u.Scheme == "https" || u.Scheme == "ssh") && u.Hostname() != "" {
		_, password := u.User.Password()
		return !password && !strings.HasPrefix(u.Hostname(), "-")
	}
	return regexp.MustCompile(`^(/[^:]*|[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^:]+)$`).MatchString(s)
}
