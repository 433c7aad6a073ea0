package parts_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// page is a how-to page that a test follows: every command of its console blocks, in
// their order, by a shell, in the directory of a gateway. A command that the page has
// and the test does not, or the other way round, fails.
type page struct {
	t        *testing.T
	g        *gateway
	name     string
	text     string
	commands []command
	// stands is what words of the page stand for: ids, keys, addresses.
	stands map[string]string
}

// command is one command of a page and what the page shows of its output.
type command struct{ line, shown string }

func follow(t *testing.T, name string) *page {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "how-to", name))
	if err != nil {
		t.Fatal(err)
	}
	p := &page{t: t, name: name, text: string(raw), stands: map[string]string{}}
	for _, block := range p.blocks("console") {
		for line := range strings.Lines(block) {
			if c, ok := strings.CutPrefix(line, "$ "); ok {
				p.commands = append(p.commands, command{line: strings.TrimSpace(c)})
			} else if n := len(p.commands); n > 0 {
				p.commands[n-1].shown += line
			}
		}
	}
	return p
}

// blocks are the page's blocks of a language, without the indent of a list.
func (p *page) blocks(language string) (all []string) {
	for _, block := range strings.Split(p.text, "```"+language+"\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		indent := block[:len(block)-len(strings.TrimLeft(block, " "))]
		all = append(all, strings.TrimRight(strings.ReplaceAll("\n"+block, "\n"+indent, "\n")[1:], " "))
	}
	return all
}

// configuration is a block of the page, in which texts are replaced by what a test can
// start. Each must be there.
func (p *page) configuration(n int, swap ...string) string {
	p.t.Helper()
	text := p.blocks("yaml")[n]
	for i := 0; i < len(swap); i += 2 {
		if !strings.Contains(text, swap[i]) {
			p.t.Fatalf("%s: the configuration has no %s", p.name, swap[i])
		}
		text = strings.ReplaceAll(text, swap[i], swap[i+1])
	}
	if !strings.HasPrefix(text, "version:") {
		text = "version: 1\n" + text
	}
	return text + "listen: {address: \"127.0.0.1:0\"}\n"
}

// serves is an upstream's command: the server of the pages.
func serves(t *testing.T) string { return fmt.Sprintf("command: [%q, %s]", self(t), howToWord) }

// next runs the page's next command, which must begin as told and end with a code. What
// the page shows of its output, it must print.
func (p *page) next(begins string, code int) string {
	p.t.Helper()
	if len(p.commands) == 0 {
		p.t.Fatalf("%s has no further command, and the test expects %q", p.name, begins)
	}
	c := p.commands[0]
	p.commands = p.commands[1:]
	if !strings.HasPrefix(c.line, begins) {
		p.t.Fatalf("%s: the next command is %q, and the test expects %q", p.name, c.line, begins)
	}
	line := c.line
	for word, is := range p.stands {
		line = strings.ReplaceAll(line, word, is)
	}
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = p.g.dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(doorward)+string(os.PathListSeparator)+os.Getenv("PATH"), "NO_COLOR=1", "DOORWARD_KEY="+p.stands["dw_…"])
	r := execute(p.t, cmd)
	out := r.stdout + r.stderr
	if r.code != code {
		p.t.Fatalf("%s: $ %s\nexit %d, want %d\n%s", p.name, line, r.code, code, out)
	}
	if missing := unlike(c.shown, out); missing != "" {
		p.t.Errorf("%s: $ %s\ndoes not print, or not in this place: %s\nbut\n%s", p.name, line, missing, out)
	}
	return out
}

// end tells whether the page has more.
func (p *page) end() {
	p.t.Helper()
	for _, c := range p.commands {
		p.t.Errorf("%s: nobody runs %q", p.name, c.line)
	}
}

// loose are the parts of an output that are never the same: numbers, and what the page
// leaves out.
var loose = regexp.MustCompile(`(dw_|apr_|01[0-9A-Z]+)?…|^ +[0-9]+\b|[0-9]+(\.[0-9]+)?(ms|µs)|[0-9]+`)

// unlike is the first line that is shown and is not printed after those before it. Any
// number stands for any other, and … for anything.
func unlike(shown, printed string) string {
	lines := strings.Split(printed, "\n")
	for line := range strings.Lines(shown) {
		line = strings.TrimRight(line, "\n")
		if line == "" || line == "…" {
			continue
		}
		var pattern strings.Builder
		at := 0
		for _, m := range loose.FindAllStringIndex(line, -1) {
			pattern.WriteString(regexp.QuoteMeta(line[at:m[0]]))
			if strings.HasSuffix(line[m[0]:m[1]], "…") {
				pattern.WriteString(".*")
			} else {
				pattern.WriteString(` *[0-9]+(\.[0-9]+)?(ms|µs)?`)
			}
			at = m[1]
		}
		whole := regexp.MustCompile("^" + pattern.String() + regexp.QuoteMeta(line[at:]) + "$")
		for len(lines) > 0 && !whole.MatchString(lines[0]) {
			lines = lines[1:]
		}
		if len(lines) == 0 {
			return line
		}
		lines = lines[1:]
	}
	return ""
}
