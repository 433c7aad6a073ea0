package telemetry_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"doorward/internal/gate"
	"doorward/internal/telemetry"
)

// hostile are texts that a client, an upstream or an issuer would like to see in a log.
func hostile() []string {
	return []string{
		"a\r\nlevel=ERROR msg=forged", "a\u2028b\u2029c", "a\u0085b", "a\x00b\vc\fd", // LOG-01
		"\x1b[2J\x1b[31mred", "\x1b]52;c;Zm9yZ2Vk\x07", "\x1b]8;;https://evil.example\x07here\x1b]8;;\x07", "\x9b2J", "\u009b2J", "\a\b\x7f\x1b[A", // LOG-02
		`","decision":"allow","x":"`, `" decision=allow x="`, `\",\"decision\":\"allow`, `x decision=allow`, "a=b c=d", // LOG-03
		`%s%n%x%!d(MISSING)`, `${jndi:ldap://evil.example/a}`, `{{7*7}}`, `$(id)`, "`id`", // LOG-04
		"\u202eevil\u202c\u2066x\u2069", "a\u200b\u200db\ufeff", "\U000e0041\U000e0042", "\ufe0f\U000e0100\u3164\u2800", "\xff\xfe\xc0\xaf", "⟨U+200B⟩",
	}
}

// line writes one record with a hostile text in every place that has one, and gives
// what came of it.
func line(t *testing.T, format, text string) string {
	t.Helper()
	var out bytes.Buffer
	h, err := telemetry.Lines(&out, format, slog.LevelDebug)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(h)
	log.With("upstream", text).Warn("exchange failed", "exchange", "x1", "error", errors.New(text), "name", text, "paths", []string{text}, "count", 7)
	return out.String()
}

// LOG-01, LOG-02, LOG-03 and LOG-04: a record is a line that parses, has the fields that
// it was given, and says what it was told without a character that is not seen.
func TestLOG01_LOG03_LOG04_AnEventIsALine(t *testing.T) {
	for _, text := range hostile() {
		t.Run(strconv.QuoteToASCII(text), func(t *testing.T) {
			for _, format := range []string{"json", "text"} {
				got := line(t, format, text)
				visibleLine(t, got)
				fields := parse(t, format, got)
				if len(fields) != 9 || fields["level"] != "WARN" || fields["msg"] != "exchange failed" || fields["exchange"] != "x1" || fields["count"] != "7" {
					t.Errorf("%s: the fields are %q", format, fields)
				}
				want := strings.ToValidUTF8(text, "\ufffd")
				if format == "text" {
					want = gate.Visible(text)
				}
				for _, name := range []string{"upstream", "error", "name"} {
					if said := strings.ReplaceAll(fields[name], "\ufffd\ufffd", "\ufffd"); said != strings.ReplaceAll(want, "\ufffd\ufffd", "\ufffd") && !strings.Contains(text, "\xff") {
						t.Errorf("%s: %s is %q, want %q", format, name, fields[name], want)
					}
				}
			}
		})
	}
}

func visibleLine(t *testing.T, got string) {
	t.Helper()
	body, ok := strings.CutSuffix(got, "\n")
	if !ok || !utf8.ValidString(body) {
		t.Errorf("not a line: %q", got)
	}
	for _, c := range body {
		if gate.Hidden(c) {
			t.Errorf("U+%04X is in the line %q", c, got)
		}
	}
}

// parse reads a line as whatever collects logs does.
func parse(t *testing.T, format, got string) map[string]string {
	t.Helper()
	fields := map[string]string{}
	if format == "json" {
		var all map[string]any
		if err := json.Unmarshal([]byte(got), &all); err != nil {
			t.Fatalf("%v: %q", err, got)
		}
		for name, value := range all {
			fields[name] = fmt.Sprint(value)
		}
		return fields
	}
	for rest := strings.TrimSuffix(got, "\n"); rest != ""; {
		name, value, ok := strings.Cut(rest, "=")
		if !ok || name == "" || fields[name] != "" || strings.ContainsAny(name, "\" ") {
			t.Fatalf("no field at %q of %q", rest, got)
		}
		if quoted, err := strconv.QuotedPrefix(value); err == nil && value[0] == '"' {
			rest = value[len(quoted):]
			value, _ = strconv.Unquote(quoted) // QuotedPrefix has seen that it is well made
		} else {
			value, _, _ = strings.Cut(value, " ")
			rest = rest[len(name)+1+len(value):]
		}
		fields[name], rest = value, strings.TrimPrefix(rest, " ")
	}
	return fields
}

// LOG-05: a long text is cut, and ends in how long it was and in its digest.
func TestLOG05_LongTexts(t *testing.T) {
	long := strings.Repeat("argument ", 10<<20/9+1)
	digest := fmt.Sprintf("(%d bytes, SHA-256 %x)", len(long), sha256.Sum256([]byte(long)))
	for _, format := range []string{"json", "text"} {
		got := line(t, format, long)
		visibleLine(t, got)
		if len(got) > 4*(8<<10)+4096 {
			t.Errorf("%s: a line of %d bytes", format, len(got))
		}
		if n := strings.Count(got, digest); n != 3 {
			t.Errorf("%s: the digest of the whole is there %d times", format, n)
		}
	}
}

// LOG-07: what an upstream echoes of credentials is not in the log, in whatever text.
func TestLOG07_CredentialsOfOthers(t *testing.T) {
	const canary = "CANARY7f3kQ2x"
	for _, text := range []string{
		"dial postgres://app:" + canary + "@db.internal:5432/x: refused",
		`Get "https://` + canary + `@up.example/mcp": EOF`,
		"amqp://user:p%40" + canary + "@mq",
		"amqp://user:p@" + canary + "@mq",
		"got Authorization: Bearer " + canary, "authorization: bearer  " + canary + "==", "Basic " + canary + "=", "DPoP " + canary + ".a.b",
		strings.Repeat("x", 8<<10-6) + " https://u:" + canary + "@h/",
	} {
		for _, format := range []string{"json", "text"} {
			if got := line(t, format, text); strings.Contains(got, canary) {
				t.Errorf("%s: %s", format, got)
			}
		}
	}
	if got := line(t, "text", "GET https://up.example/a@b failed; mail bob@example.com"); !strings.Contains(got, "https://up.example/a@b failed; mail bob@example.com") {
		t.Errorf("too much is taken out: %s", got)
	}
}

func FuzzLOG01(f *testing.F) {
	for _, text := range hostile() {
		f.Add(text)
	}
	// Whatever the text, a record is one visible line that parses into its own fields.
	f.Fuzz(func(t *testing.T, text string) {
		for _, format := range []string{"json", "text"} {
			got := line(t, format, text)
			visibleLine(t, got)
			if fields := parse(t, format, got); len(fields) != 9 || fields["exchange"] != "x1" {
				t.Errorf("%s: the fields are %q", format, fields)
			}
		}
	})
}

// counted is where lines of a flood go.
type counted struct {
	lines, bytes int
	last         []byte
}

func (c *counted) Write(p []byte) (int, error) {
	c.lines++
	c.bytes += len(p)
	c.last = append(c.last[:0], p...)
	return len(p), nil
}

// LOG-20: of 100,000 equal lines in a second a hundred are written, the others are
// counted exactly, and what happens beside them is written all the same.
func TestLOG20_Flood(t *testing.T) {
	var out counted
	j, err := telemetry.NewJournal(&out, "json", "debug")
	if err != nil {
		t.Fatal(err)
	}
	const flood = 100_000
	at := time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)
	say := func(level slog.Level, text string, at time.Time) {
		r := slog.NewRecord(at, level, text, 0)
		r.AddAttrs(slog.String("code", "policy.denied"))
		if err := j.Handler().Handle(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	for i := range flood {
		say(slog.LevelDebug, "request turned away", at.Add(time.Duration(i)*10*time.Microsecond))
	}
	if out.lines != 100 {
		t.Errorf("%d lines of the flood", out.lines)
	}
	say(slog.LevelError, "audit log stopped", at)
	if written, left := j.Counts(); written != 101 || left != flood-100 || out.lines != 101 {
		t.Errorf("written %d (%d), left out %d", written, out.lines, left)
	}
	say(slog.LevelDebug, "request turned away", at.Add(time.Minute))
	if out.lines != 103 { // what was left out, and the first of the next window
		t.Errorf("%d lines after the window", out.lines)
	}
	// Messages that differ each time, as net/http's do, share one quota in the end.
	before := out.lines
	for i := range flood / 10 {
		say(slog.LevelDebug, fmt.Sprint("http: error from 127.0.0.1:", i), at.Add(time.Minute))
	}
	if n := out.lines - before; n > 400 {
		t.Errorf("%d lines of messages that differ", n)
	}
	if written, left := j.Counts(); written+left != 101+flood-100+1+flood/10 {
		t.Errorf("written %d and left out %d do not add up", written, left)
	}
}

// What was left out is said once its window is over, with the exact number.
func TestLOG20_SaysWhatIsLeftOut(t *testing.T) {
	var out counted
	j, err := telemetry.NewJournal(&out, "json", "info")
	if err != nil {
		t.Fatal(err)
	}
	for range 1234 {
		j.With("remote", "127.0.0.1").Info("request turned away")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	j.Run(ctx)
	var said struct {
		Msg, Message string
		Count        int
	}
	if err := json.Unmarshal(out.last, &said); err != nil || said.Msg != "log lines left out" || said.Message != "request turned away" || said.Count != 1134 {
		t.Errorf("%v: %s", err, out.last)
	}
}
