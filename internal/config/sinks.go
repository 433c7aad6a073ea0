package config

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"doorward/internal/loopback"
)

// Sink is a copy of the audit log elsewhere.
type Sink struct {
	// Kind of what takes the records.
	Kind string `yaml:"kind" enum:"postgres syslog otlp http webhook file"`
	// Name in metrics, events and data_dir/audit/sinks: lower-case letters, digits and hyphens, at most 64. The kind unless written; two of a kind need one.
	Name string `yaml:"name"`
	// Required refuses calls (audit.unavailable) while this copy is further behind than lag or lag_records. Of one that is not, only a warning tells.
	Required bool `yaml:"required"`
	// Lag is how old the oldest record that a required copy misses may be.
	Lag Duration `yaml:"lag"`
	// LagRecords is how many records a required copy may miss.
	LagRecords int `yaml:"lag_records"`
	// DSN of postgres: the secret with its URL, postgres://USER:PASSWORD@HOST/DATABASE. To another machine with sslmode=verify-full.
	DSN string `yaml:"dsn" type:"secret name"`
	// Address of syslog, host:port. On this machine, or with transport tls.
	Address string `yaml:"address"`
	// Transport of syslog: tls (RFC 5425), tcp with octet counting (RFC 6587) or udp (RFC 5426), which tells nobody what got lost. tcp unless written.
	Transport string `yaml:"transport" enum:"tls tcp udp"`
	// Format of a record: rfc5424, cef or json for syslog (rfc5424 unless written), json or ocsf for http (json unless written).
	Format string `yaml:"format" enum:"rfc5424 cef json ocsf"`
	// Endpoint of an OpenTelemetry collector, a URL without a path: https, or http on loopback.
	Endpoint string `yaml:"endpoint" type:"url"`
	// Protocol of OTLP. Not written: grpc on port 4317, else http.
	Protocol string `yaml:"protocol" enum:"grpc http"`
	// URL that http and webhook post to: https, or http on loopback.
	URL string `yaml:"url" type:"url"`
	// Token is the secret that http and otlp send as a bearer token. None unless written.
	Token string `yaml:"token" type:"secret name"`
	// Secret that webhook signs with (Standard Webhooks), at least 24 bytes.
	Secret string `yaml:"secret" type:"secret name"`
	// Path of the file that file appends to. Doorward makes it, for its own user alone (0600).
	Path string `yaml:"path" type:"path"`
	// CA is the file with the certificates, PEM, that the receiver's own is verified by. The system's unless written.
	CA string `yaml:"ca" type:"path"`
}

// Bounds of sinks. A day is longer than anybody would want calls without their copy.
const (
	maxSinks      = 16
	minLag        = Duration(time.Second)
	maxLag        = Duration(aDay)
	minLagRecords = 100
	maxLagRecords = 10_000_000
)

func (s *Sink) setDefaults() { s.Lag, s.LagRecords = Duration(30*time.Second), 10_000 }

// finish fills in what depends on the kind.
func (s *Sink) finish() {
	or := func(at *string, value string) {
		if *at == "" {
			*at = value
		}
	}
	or(&s.Name, s.Kind)
	switch s.Kind {
	case "syslog":
		or(&s.Transport, "tcp")
		or(&s.Format, "rfc5424")
	case "http":
		or(&s.Format, "json")
	case "otlp":
		or(&s.Protocol, protocolAt(s.Endpoint))
	}
}

func (v *checker) sinks() {
	all := v.c.Audit.Sinks
	if len(all) > maxSinks {
		v.fault("audit.sinks", "has more than %d", maxSinks)
	}
	names := map[string]bool{}
	for i := range all {
		s, path := &all[i], fmt.Sprintf("audit.sinks[%d]", i)
		if s.Kind == "" {
			v.fault(path, "needs kind: postgres, syslog, otlp, http, webhook or file")
			continue
		}
		v.named(path, s.Name, names)
		if s.Lag < minLag || s.Lag > maxLag {
			v.fault(path+".lag", "must be between %v and %v", minLag, maxLag)
		}
		if s.LagRecords < minLagRecords || s.LagRecords > maxLagRecords {
			v.fault(path+".lag_records", "must be between %d and %d", minLagRecords, maxLagRecords)
		}
		v.sinkKeys(path, s)
		v.sink(path, s)
	}
}

// named checks the name of one of several in a list. names are those before it.
func (v *checker) named(path, name string, names map[string]bool) {
	if !matches(`^[a-z0-9][a-z0-9-]*$`, name) {
		v.fault(path+".name", "must be lower-case letters, digits and hyphens, at most %d", maxNames)
	}
	if names[name] {
		v.fault(path, "another one is named %s too: write a name for each", shorten(name))
	}
	names[name] = true
}

// sinkKeys finds keys of another kind, and those that this one lacks.
func (v *checker) sinkKeys(path string, s *Sink) {
	for _, k := range []struct {
		key, value string
		needed     string // kinds that need it
		allowed    string // kinds that may have it
	}{
		{"dsn", s.DSN, "postgres", ""},
		{"address", s.Address, "syslog", ""},
		{"transport", s.Transport, "", "syslog"},
		{"format", s.Format, "", "syslog http"},
		{"endpoint", s.Endpoint, "otlp", ""},
		{"protocol", s.Protocol, "", "otlp"},
		{"url", s.URL, "http webhook", ""},
		{"token", s.Token, "", "http otlp"},
		{"secret", s.Secret, "webhook", ""},
		{"path", s.Path, "file", ""},
		{"ca", s.CA, "", "postgres syslog otlp http webhook"},
	} {
		needed := strings.Contains(" "+k.needed+" ", " "+s.Kind+" ")
		allowed := needed || strings.Contains(" "+k.allowed+" ", " "+s.Kind+" ")
		switch {
		case needed && k.value == "":
			v.fault(path, "needs %s", k.key)
		case !allowed && k.value != "":
			v.fault(path+"."+k.key, "is not for %s", s.Kind)
		}
	}
}

// sink checks the values of one that has its keys.
func (v *checker) sink(path string, s *Sink) {
	for key, name := range map[string]string{"dsn": s.DSN, "token": s.Token, "secret": s.Secret} {
		if name != "" {
			v.reference(path+"."+key, name)
		}
	}
	switch s.Kind {
	case "file":
		if s.Path != "" && Inside(v.c.DataDir, s.Path) {
			v.fault(path+".path", "is in data_dir, where Doorward keeps files of its own: name another place")
		}
	case "syslog":
		v.syslog(path, s)
	case "http", "webhook":
		if s.URL != "" {
			v.endpoint(path+".url", s.URL)
		}
		if s.Kind == "http" && s.Format != "json" && s.Format != "ocsf" {
			v.fault(path+".format", "of http must be json or ocsf")
		}
	case "otlp":
		if s.Endpoint == "" {
			return
		}
		v.collectorAt(path+".endpoint", s.Endpoint)
	}
}

// Inside tells whether a file is in a directory, also through links on the way there. What
// does not exist yet is where its name says.
func Inside(dir, path string) bool {
	within := func(dir, path string) bool {
		rel, err := filepath.Rel(dir, path)
		return err != nil || rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
	}
	return dir != "" && (within(dir, path) || within(resolved(dir), resolved(path)))
}

// resolved is a path without the links in the part of it that exists.
func resolved(path string) string {
	path = filepath.Clean(path)
	if at, err := filepath.EvalSymlinks(path); err == nil {
		return at
	}
	if up := filepath.Dir(path); up != path {
		return filepath.Join(resolved(up), filepath.Base(path))
	}
	return path
}

func (v *checker) syslog(path string, s *Sink) {
	if s.Format == "ocsf" {
		v.fault(path+".format", "of syslog must be rfc5424, cef or json")
	}
	if s.CA != "" && s.Transport != "tls" {
		v.fault(path+".ca", "is for transport: tls")
	}
	if s.Required && s.Transport == "udp" {
		v.fault(path+".required", "is not for transport: udp, which tells nobody what got lost")
	}
	if s.Address == "" {
		return
	}
	host, port, err := net.SplitHostPort(s.Address)
	n, bad := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil || host == "" || bad != nil || n == 0 || strings.ContainsAny(host, "/@ "):
		v.fault(path+".address", "must be a host and a port, such as 127.0.0.1:514")
	case s.Transport != "tls" && !loopback.Host(host):
		v.fault(path+".address", "must be on this machine: to another one records go with transport: tls")
	}
}
