package chunk

import "strings"

// maxFrontMatter is where the end of front matter is looked for, in bytes.
const maxFrontMatter = 64 << 10

// frontMatter is the title that a document's front matter gives it, and where the document
// goes on behind it; 0 where there is none. Of YAML (---) and TOML (+++) one line is read,
// so that nobody's anchors or tags are followed.
func frontMatter(body string) (title string, end int) {
	for _, f := range [...]struct{ fence, is string }{{"---", ":"}, {"+++", "="}} {
		rest, ok := strings.CutPrefix(body, f.fence+"\n")
		if !ok {
			continue
		}
		rest = rest[:min(len(rest), maxFrontMatter)]
		at := len(f.fence) + 1
		for line := range strings.Lines(rest) {
			at += len(line)
			line = strings.TrimRight(line, " \t\n")
			if line == f.fence {
				return title, at
			}
			if name, value, ok := strings.Cut(line, f.is); ok && strings.TrimSpace(name) == "title" && title == "" {
				title = strings.Trim(strings.TrimSpace(value), `"'`)
			}
		}
	}
	return "", 0
}
