package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/config"
	"doorward/internal/disclose"
	"doorward/internal/gate"
	"doorward/internal/identify"
	"doorward/internal/listen"
	"doorward/internal/lock"
	"doorward/internal/monitor"
	"doorward/internal/policy"
	"doorward/internal/telemetry"
	"doorward/internal/upstream"
	"doorward/internal/validate"
)

// This file translates between packages that must not know each other.

func durability(word string) audit.Durability {
	if word == "power" {
		return audit.Power
	}
	return audit.Process
}

// kept is what the audit log keeps of arguments; config knows no other words.
func kept(word string) audit.Arguments {
	switch word {
	case "sealed":
		return audit.Sealed
	case "hashed":
		return audit.Hashed
	case "plain":
		return audit.Plain
	}
	return audit.None
}

// fields are the rules of single arguments; what is written as a name is a pointer to
// the log.
func fields(rules map[string]map[string]string) map[string][]audit.Field {
	all := make(map[string][]audit.Field, len(rules))
	for of, paths := range rules {
		for path, how := range paths {
			all[of] = append(all[of], audit.Field{Path: config.FieldPointer(path), How: kept(how)})
		}
	}
	return all
}

func firstUse(word string) lock.FirstUse {
	if word == "approve" {
		return lock.ApproveFirst
	}
	return lock.HoldFirst
}

// settings are the upstreams as the pool wants them. Commands run in the
// configuration file's directory, like every relative path of the file. An upstream with a
// certificate that cannot be read is left out, and the error says so.
func settings(cfg *config.Config, path string) ([]upstream.Settings, error) {
	dir := ""
	if abs, err := filepath.Abs(path); path != "" && err == nil {
		dir = filepath.Dir(abs)
	}
	out, faults := make([]upstream.Settings, 0, len(cfg.Upstreams)), []error(nil)
	for _, name := range names(cfg.Upstreams) {
		u := cfg.Upstreams[name]
		command := slices.Clone(u.Command)
		if len(command) > 0 && !u.Sandbox.Contained() && strings.ContainsRune(command[0], filepath.Separator) && !filepath.IsAbs(command[0]) {
			command[0] = filepath.Join(dir, command[0])
		}
		key, _ := gate.ParseDigest(u.TLSKey) // config has checked it; zero where there is none
		ca, own, err := certificates(&u)
		if err != nil {
			faults = append(faults, fmt.Errorf("upstreams.%s: %w", name, err))
			continue
		}
		proof := credential(name, &u)
		proof.Secret = lentName(cfg, proof.Secret)
		set := upstream.Settings{
			TLSKey: key, CA: ca, Certificate: own,
			Name: name, Command: command, URL: u.URL, Transport: u.Transport, Dir: dir,
			Env: lentNames(cfg, u.Env), Credential: proof, AllowLaunch: u.AllowLaunch,
			Timeout: time.Duration(u.Limits.Timeout), Concurrency: u.Limits.Concurrency, Queue: u.Limits.Queue,
			Sandbox:   confinement(cfg, name, path),
			MaxResult: int64(u.Limits.Result), Shared: u.Sandbox.Lifetime == "shared", PerCall: u.Sandbox.Lifetime == "call",
		}
		if own := ownServerOf(cfg, path, name); own != nil {
			set.Builtin, set.URL, set.Shared, set.Runs, set.Handed = own, builtinURL, true, runsOf(own), handedTo(own)
			if d, ok := own.(docsServer); ok {
				set.Roles = true
				if header := d.requestKey(); header != "" { // each principal has a session, as with a server elsewhere
					set.Credential, set.Shared = upstream.Credential{Header: header, Request: header}, false
				}
			}
		}
		installed(cfg, &set)
		out = append(out, set)
	}
	return out, errors.Join(faults...)
}

// demands are what each upstream's calls are held to beside its definitions.
func demands(cfg *config.Config) map[string]validate.Settings {
	out := make(map[string]validate.Settings, len(cfg.Upstreams))
	for name, u := range cfg.Upstreams {
		out[name] = validate.Settings{
			RefuseUnknown: u.UnknownArguments != "schema",
			Arguments:     int64(u.Limits.Arguments), Values: u.Limits.Values,
		}
	}
	return out
}

// disclosure is what clients are told of the gateway and its upstreams.
func disclosure(cfg *config.Config) disclose.Config {
	out := disclose.Config{
		Label: cfg.Disclosure.Label, Content: cfg.Disclosure.Content, Server: cfg.Disclosure.Server,
		Upstreams: make(map[string]disclose.Declared, len(cfg.Upstreams)),
	}
	for name, u := range cfg.Upstreams {
		out.Upstreams[name] = disclose.Declared{Purpose: u.Declares.Purpose, AIAct: u.Declares.AIAct}
	}
	return out
}

// compile makes the policy; config has checked the same roles already.
func compile(cfg *config.Config) (*policy.Policy, error) {
	pol, faults := policy.Compile(cfg.PolicySource())
	if len(faults) > 0 {
		return nil, fmt.Errorf("%s: %s", faults[0].Path, faults[0].Text)
	}
	return pol, nil
}

func front(cfg *config.Config) *listen.Settings {
	s := &listen.Settings{
		AllowedHosts: cfg.Listen.AllowedHosts, AllowedOrigins: cfg.Listen.AllowedOrigins,
		MaxBody: int64(cfg.Listen.MaxBody), LegacySSE: cfg.Listen.LegacySSE, WebSocket: cfg.Listen.WebSocket,
	}
	for _, p := range cfg.Listen.AllowedAddresses {
		s.AllowedAddresses = append(s.AllowedAddresses, p.Prefix)
	}
	for _, p := range cfg.Listen.TrustedProxies {
		s.TrustedProxies = append(s.TrustedProxies, p.Prefix)
	}
	s.Health = cfg.Listen.Health
	s.RequestKeys = cfg.Identity.RequestKeys
	s.Authorization = authorization(cfg)
	if cfg.Listen.PublicURL != "" {
		s.PublicURL, _ = url.Parse(cfg.Listen.PublicURL) // config has checked it
	}
	return s
}

// authorization is what clients are told about getting a token; nil where none is
// accepted.
func authorization(cfg *config.Config) *listen.Authorization {
	if len(cfg.Identity.Issuers) == 0 {
		return nil
	}
	a := &listen.Authorization{Scopes: cfg.FirstScopes(), DPoP: dpopAlgorithms(), Profiles: names(cfg.Profiles)}
	for i := range cfg.Identity.Issuers {
		a.Servers = append(a.Servers, cfg.Identity.Issuers[i].Issuer)
	}
	return a
}

func anonymous(cfg *config.Config) *identify.AnonymousPrincipal {
	if cfg.Identity.Anonymous == nil {
		return nil
	}
	return &identify.AnonymousPrincipal{Subject: cfg.Identity.Anonymous.Subject, Roles: cfg.Identity.Anonymous.Roles}
}

// local is who a client on stdin is: the process's own user, who can read the
// configuration and the keys anyway. It is the anonymous principal where the file
// writes one, and has the built-in role where the file writes no roles at all.
func local(cfg *config.Config) *identify.LocalPrincipal {
	if cfg.Identity.Anonymous != nil {
		return nil // identify falls back to it
	}
	l := &identify.LocalPrincipal{Subject: "local"}
	if cfg.BuiltInRole {
		l.Roles = []string{config.BuiltInRoleName}
	}
	return l
}

// stateKey is the key that seals what clients carry for upstreams.
func stateKey(path string) ([32]byte, error) {
	var key [32]byte
	b, err := lasting(path, func() ([]byte, error) {
		b := make([]byte, len(key))
		_, err := rand.Read(b)
		return b, err
	})
	if err != nil {
		return key, err
	}
	if copy(key[:], b) != len(key) || len(b) != len(key) {
		return key, fmt.Errorf("%s holds %d bytes instead of %d: remove it to make a new one", path, len(b), len(key))
	}
	return key, nil
}

// Logger makes the gateway's logger as the configuration has it.
func Logger(w io.Writer, cfg *config.Config) (*telemetry.Journal, error) {
	return telemetry.NewJournal(w, cfg.Telemetry.Log.Format, cfg.Telemetry.Log.Level)
}

// TextLog is a log in text that leaves no line out: of a command, or a test.
func TextLog(w io.Writer, level slog.Level) *slog.Logger { return telemetry.TextLog(w, level) }

// UpstreamLine is what serve prints about an upstream.
func UpstreamLine(u admin.UpstreamStatus, waiting, total int) string {
	switch {
	case u.Error != "":
		return fmt.Sprintf("%s: not available (%s)", u.Name, u.Error)
	case total == 0:
		return u.Name + ": offers nothing"
	case waiting == 0:
		return fmt.Sprintf("%s: %d definitions, all decided", u.Name, total)
	default:
		return fmt.Sprintf("%s: %d of %d definitions wait for approval: doorward trust approve %s", u.Name, waiting, total, u.Name)
	}
}

// meter counts what the front turns away before an exchange exists.
type meter struct {
	turned, metadata, dropped, streams, sessions gauge

	limited func(*monitor.Event)
}

// codeAddressLimit is that of a connection that is closed at once, which is not on
// record.
const codeAddressLimit gate.Code = "http.address_limit"

// Turned implements listen.Meter.
func (m *meter) Turned(code gate.Code) {
	m.turned.Add(1)
	if code == codeAddressLimit {
		m.limited(&monitor.Event{At: time.Now(), Code: code})
	}
}

// Metadata implements listen.Meter.
func (m *meter) Metadata() { m.metadata.Add(1) }

// Sessions implements listen.Meter.
func (m *meter) Sessions(delta int) { m.sessions.Add(int64(delta)) }

// Streams implements listen.Meter.
func (m *meter) Streams(delta int) { m.streams.Add(int64(delta)) }

// Dropped implements listen.Meter.
func (m *meter) Dropped(n int) { m.dropped.Add(int64(n)) }
