package app_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

var update = flag.Bool("update", false, "write the audit and upstream-saw sections of the scenario files anew")

// TestExchanges plays every scenario in testdata/exchange. README.md there says
// how one is written.
func TestExchanges(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/exchange/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			play(t, file)
		})
	}
}

// scenario is one file while it is played.
type scenario struct {
	t       *testing.T
	file    string
	line    int
	archive *txtar.Archive
	gw      *gatetest.GW
	ups     map[string]*gatetest.UP
	client  *gatetest.Client
	header  []string
	reply   *gatetest.Reply
}

func play(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := &scenario{t: t, file: file, archive: archive, ups: map[string]*gatetest.UP{}}
	for _, f := range archive.Files {
		if name, ok := upstreamSection(f.Name); ok {
			s.ups[name] = gatetest.Upstream(t, gatetest.ParseScript(t, f.Data))
		}
	}
	s.gw = gatetest.Gateway(t, string(s.section("config")), s.ups)
	s.dialogue(string(s.section("dialogue")))
	s.golden("upstream-saw", s.saw())
	s.golden("audit", s.trail())
}

// upstreamSection reads "upstream" (the one named up) and "upstream/NAME".
func upstreamSection(section string) (name string, ok bool) {
	if section == "upstream" {
		return "up", true
	}
	return strings.CutPrefix(section, "upstream/")
}

func (s *scenario) section(name string) []byte {
	for _, f := range s.archive.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

// golden compares a section with what happened, or writes it with -update.
func (s *scenario) golden(name, got string) {
	s.t.Helper()
	if !*update {
		if diff := cmp.Diff(string(s.section(name)), got); diff != "" {
			s.t.Errorf("%s: section %s (-want +got):\n%s", s.file, name, diff)
		}
		return
	}
	for i, f := range s.archive.Files {
		if f.Name == name {
			s.archive.Files[i].Data = []byte(got)
			got = ""
		}
	}
	if got != "" {
		s.archive.Files = append(s.archive.Files, txtar.File{Name: name, Data: []byte(got)})
	}
	if err := os.WriteFile(s.file, txtar.Format(s.archive), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// saw are the methods and the exact params of what upstreams were made to do.
func (s *scenario) saw() string {
	var b strings.Builder
	for _, f := range s.archive.Files {
		if name, ok := upstreamSection(f.Name); ok {
			for _, seen := range s.ups[name].Judged() {
				fmt.Fprintf(&b, "%s %s %s\n", name, seen.Method, seen.Params)
			}
		}
	}
	return b.String()
}

// trail is the audit log: intents and outcomes, what they are about and how
// they ended. Events are left out: upstreams are looked at in any order.
func (s *scenario) trail() string {
	var b strings.Builder
	for _, r := range s.gw.Exchanges() {
		for i, word := range []string{r.Kind, r.Principal.Subject, r.Method, r.Item, r.Code, r.Status} {
			if i > 0 {
				b.WriteByte(' ')
			}
			switch {
			case word == "":
				word = "-"
			case strings.ContainsFunc(word, func(c rune) bool { return c <= ' ' || c > '~' }):
				word = strconv.QuoteToASCII(word)
			}
			b.WriteString(word)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (s *scenario) fatalf(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("%s: dialogue line %d: %s", s.file, s.line, fmt.Sprintf(format, args...))
}

func (s *scenario) dialogue(text string) {
	s.t.Helper()
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		s.line = i + 1
		word, rest, _ := strings.Cut(strings.TrimSpace(lines[i]), " ")
		rest = strings.TrimSpace(rest)
		if word == "send" && rest == "<<" {
			end := i + 1
			for end < len(lines) && lines[end] != ">>" {
				end++
			}
			rest = strings.Join(lines[i+1:min(end, len(lines))], "\n")
			i = end
		}
		if word != "" && !strings.HasPrefix(word, "#") {
			s.do(word, rest)
		}
	}
}

// do carries out one line of the dialogue.
func (s *scenario) do(word, rest string) {
	s.t.Helper()
	args := strings.Fields(rest)
	argument := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	switch word {
	case "approve":
		s.gw.Approve(rest)
	case "approve-clean":
		s.gw.ApproveClean(rest)
	case "change":
		s.change(argument(0))
	case "as":
		s.as(args)
	case "at":
		s.client.Path = rest
	case "era":
		s.reply = s.client.TryOpen(rest)
	case "borrow":
		s.client.Session = s.gw.As(rest).Session
	case "revoke":
		s.gw.Revoke(rest)
	case "header":
		name, value, _ := strings.Cut(rest, ":")
		s.header = append(s.header, name, strings.TrimSpace(value))
	case "send":
		body := []byte(rest)
		if s.client.Stateless() {
			body = gatetest.WithMeta(body)
		}
		s.send(body)
	case "sendraw":
		body, err := strconv.Unquote(rest)
		if err != nil {
			s.fatalf("%v", err)
		}
		s.send([]byte(body))
	case "want":
		s.want(rest)
	case "want-bytes":
		if !bytes.Contains(s.reply.Body, []byte(rest)) {
			s.t.Errorf("%s: line %d: got %s, want it to hold %s", s.file, s.line, s.reply, rest)
		}
	case "want-not":
		if bytes.Contains(s.reply.Body, []byte(rest)) {
			s.t.Errorf("%s: line %d: got %s, want it without %s", s.file, s.line, s.reply, rest)
		}
	case "want-header":
		s.wantHeader(argument(0), strings.TrimSpace(strings.TrimPrefix(rest, argument(0))))
	case "reload":
		s.reload(argument(0), argument(1))
	case "upstream-count":
		s.count(args)
	case "plant":
		s.gw.Plant(argument(0), argument(1))
	case "event":
		s.event(argument(0), argument(1))
	default:
		s.fatalf("no such word: %s", word)
	}
}

// change makes an upstream what the section changed, or changed/NAME, says.
func (s *scenario) change(name string) {
	section := "changed/" + name
	if name == "" {
		name, section = "up", "changed"
	}
	s.ups[name].Set(gatetest.ParseScript(s.t, s.section(section)))
}

// as changes who speaks: nobody has no credential, a stranger one that this
// gateway never gave, and a name with "expired" a key that has expired.
func (s *scenario) as(args []string) {
	s.t.Helper()
	switch name, rest := args[0], args[1:]; {
	case name == "nobody":
		s.client = s.gw.Client(name, "")
	case name == "stranger":
		s.client = s.gw.Client(name, "dw_"+strings.Repeat("A", 43))
	case len(rest) > 0 && rest[0] == "expired":
		s.client = s.gw.Client(name, s.gw.ShortKey(name, rest[1:]...))
	default:
		s.client = s.gw.As(name, rest...)
	}
}

func (s *scenario) send(body []byte) {
	s.reply = s.client.Post(body, s.header...)
	s.header = nil
}

// want is a status, and then nothing, a JSON-RPC code, one of Doorward's, both,
// or JSON that the answer must contain.
func (s *scenario) want(rest string) {
	s.t.Helper()
	status, rest, _ := strings.Cut(rest, " ")
	if strconv.Itoa(s.reply.Status) != status {
		s.t.Errorf("%s: line %d: got %s, want status %s", s.file, s.line, s.reply, status)
		return
	}
	if strings.HasPrefix(rest, "{") || strings.HasPrefix(rest, "[") {
		var want, got any
		if err := json.Unmarshal([]byte(rest), &want); err != nil {
			s.fatalf("%v", err)
		}
		if err := json.Unmarshal(s.reply.Final(), &got); err != nil || !contains(got, want) {
			s.t.Errorf("%s: line %d: got %s, want %s", s.file, s.line, s.reply, rest)
		}
		return
	}
	for word := range strings.FieldsSeq(rest) {
		if word != strconv.Itoa(s.reply.Code) && word != s.reply.Refusal {
			s.t.Errorf("%s: line %d: got %s, want %s", s.file, s.line, s.reply, word)
		}
	}
	if rest == "" && s.reply.Status == http.StatusOK && s.reply.Code != 0 {
		s.t.Errorf("%s: line %d: got %s, want no error", s.file, s.line, s.reply)
	}
}

// wantHeader is what a header of the answer begins with; - is for none.
func (s *scenario) wantHeader(name, begins string) {
	s.t.Helper()
	got, there := strings.Join(s.reply.Header.Values(name), ", "), s.reply.Header.Get(name) != ""
	if begins == "-" && there || begins != "-" && (!there || !strings.HasPrefix(got, begins)) {
		s.t.Errorf("%s: line %d: the header %s is %q, want %s", s.file, s.line, name, got, begins)
	}
}

// reload reads the configuration again, with another text in place of one that it has.
func (s *scenario) reload(was, is string) {
	s.t.Helper()
	path := filepath.Join(s.gw.Dir, "doorward.yaml")
	text, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(text, []byte(was)) {
		s.fatalf("the configuration has no %q (%v)", was, err)
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(text, []byte(was), []byte(is)), 0o600); err != nil {
		s.fatalf("%v", err)
	}
	if err := s.gw.App.Reload(s.t.Context(), "test"); err != nil {
		s.fatalf("reading the configuration again: %v", err)
	}
}

// contains tells whether got has everything that want has; arrays are as long.
func contains(got, want any) bool {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		for name, w := range want {
			g, there := object[name]
			ok = ok && there && contains(g, w)
		}
		return ok
	case []any:
		array, ok := got.([]any)
		ok = ok && len(array) == len(want)
		for i := 0; ok && i < len(want); i++ {
			ok = contains(array[i], want[i])
		}
		return ok
	}
	return got == want
}

// count is METHOD N and perhaps the upstream.
func (s *scenario) count(args []string) {
	s.t.Helper()
	name := "up"
	if len(args) > 2 {
		name = args[2]
	}
	want, err := strconv.Atoi(args[1])
	if err != nil {
		s.fatalf("%v", err)
	}
	if got := s.ups[name].Count(args[0]); got != want {
		s.t.Errorf("%s: line %d: %d times %s at upstream %s, want %d", s.file, s.line, got, args[0], name, want)
	}
}

// event is how often an event of a kind is on record.
func (s *scenario) event(kind, times string) {
	s.t.Helper()
	got := 0
	for _, r := range s.gw.Records(audit.Query{}) {
		if r.Kind == audit.KindEvent && r.Event == kind {
			got++
		}
	}
	if strconv.Itoa(got) != times {
		s.t.Errorf("%s: line %d: %d events %s, want %s", s.file, s.line, got, kind, times)
	}
}
