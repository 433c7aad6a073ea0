package policy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// glob is one compiled pattern. Most are a literal, a prefix or everything;
// only the rest pay for the glob matcher.
type glob struct {
	shape shape
	text  string // the literal, the prefix, or the whole pattern
	hit   *hit
}

// hit is what a pattern leads to when it matches.
type hit struct {
	role string
	text string // where the pattern stands, for Decision.Rule
	rule *rule
}

type shape uint8

const (
	matcher    shape = iota // anything the other shapes cannot say
	literal                 // no metacharacter
	everything              // "**"
	segment                 // "prefix*": the rest has no slash
	tree                    // "prefix/**": the prefix and all below it
)

func newGlob(pattern string, at *hit) (glob, error) {
	switch {
	case pattern == "":
		return glob{}, errors.New("the pattern is empty")
	case len(pattern) > maxPattern:
		return glob{}, fmt.Errorf("the pattern is longer than %d bytes", maxPattern)
	case strings.ContainsFunc(pattern, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return glob{}, errors.New("the pattern holds a control character")
	case !doublestar.ValidatePattern(pattern):
		return glob{}, errors.New("the glob is malformed: a bracket, a brace or a backslash is left open")
	case strings.Count(pattern, "{") > maxBraces:
		return glob{}, fmt.Errorf("the pattern has more than %d braces", maxBraces)
	}
	return shaped(pattern, at), nil
}

// shaped is the glob of a pattern that is known to be sound.
func shaped(pattern string, at *hit) glob {
	g := glob{shape: matcher, text: pattern, hit: at}
	above, deep := strings.CutSuffix(pattern, "/**")
	switch rest, star := strings.CutSuffix(pattern, "*"); {
	case !strings.ContainsAny(pattern, meta):
		g.shape = literal
	case pattern == "**":
		g.shape = everything
	case star && !strings.ContainsAny(rest, meta):
		g.shape, g.text = segment, rest
	case deep && above != "" && !strings.ContainsAny(above, meta):
		g.shape, g.text = tree, above
	}
	return g
}

// meta are the characters that mean something to the glob matcher.
const meta = `*?[]{}\`

// maxBraces bounds a pattern's alternatives: the matcher tries each
// combination.
const maxBraces = 4

func (g *glob) match(s string) bool {
	switch g.shape {
	case everything:
		return s != ""
	case literal:
		return s == g.text
	case segment:
		rest, ok := strings.CutPrefix(s, g.text)
		return ok && s != "" && strings.IndexByte(rest, '/') < 0
	case tree:
		rest, ok := strings.CutPrefix(s, g.text)
		return ok && (rest == "" || rest[0] == '/')
	case matcher:
		// Validated when compiled, so the pattern cannot be bad here.
		return s != "" && doublestar.MatchUnvalidated(g.text, s)
	}
	return false
}

// whole tells whether a deny of the glob leaves no name: "*" does as "**" does,
// for a deny is asked about the flat name too. It knows the plain spellings; of
// any other that matches everything it says no.
func (g *glob) whole() bool {
	return g.shape == everything || g.shape == segment && g.text == "" || g.text == "**/*"
}

// flat is a name, or a pattern for names, as a deny is asked a second time: with
// no slash that "*" would stop at. No pattern of the configuration and no name
// of an upstream holds the character that stands for it.
func flat(s string) string { return strings.ReplaceAll(s, "/", "\x1f") }

// named holds the patterns for tools or for prompts.
type named struct {
	exact map[ref][]*hit    // both parts literal
	own   map[string][]glob // upstream part literal: by upstream
	any   []pair            // the rest
}

type ref struct{ upstream, name string }

type pair struct{ upstream, name glob }

// add takes a pattern in. That of a rule that narrows, a deny or an allow in mode
// approve, stands for its flat form as well.
func (n *named) add(pattern string, at *hit, narrows bool) error {
	up, name, ok := strings.Cut(pattern, "/")
	if !ok || up == "" || name == "" {
		return fmt.Errorf("%q is not upstream/name: write \"files/read_*\", or \"*/**\" for everything", shorten(pattern))
	}
	gu, err := newGlob(up, at)
	if err != nil {
		return fmt.Errorf("the part before the slash: %w", err)
	}
	gn, err := newGlob(name, at)
	if err != nil {
		return fmt.Errorf("the part after the slash: %w", err)
	}
	n.put(gu, gn)
	if plain := flat(name); narrows && plain != name {
		n.put(gu, shaped(plain, at))
	}
	return nil
}

func (n *named) put(gu, gn glob) {
	up, name := gu.text, gn.text
	switch {
	case gu.shape == literal && gn.shape == literal:
		if n.exact == nil {
			n.exact = map[ref][]*hit{}
		}
		n.exact[ref{up, name}] = append(n.exact[ref{up, name}], gn.hit)
		fallthrough // reach asks own and any alone
	case gu.shape == literal:
		if n.own == nil {
			n.own = map[string][]glob{}
		}
		if gn.shape != literal {
			n.own[up] = append(n.own[up], gn)
		} else if n.own[up] == nil {
			n.own[up] = []glob{}
		}
	default:
		n.any = append(n.any, pair{gu, gn})
	}
}

// each yields every match, the exact ones first, until yield says stop.
func (n *named) each(upstream, name string, yield func(*hit) (more bool)) bool {
	for _, h := range n.exact[ref{upstream, name}] {
		if !yield(h) {
			return false
		}
	}
	own := n.own[upstream]
	for i := range own {
		if own[i].match(name) && !yield(own[i].hit) {
			return false
		}
	}
	for i := range n.any {
		if n.any[i].upstream.match(upstream) && n.any[i].name.match(name) && !yield(n.any[i].name.hit) {
			return false
		}
	}
	return true
}

// covers tells whether one of the patterns, as those of a deny, leaves nothing
// of the upstream.
func (n *named) covers(upstream string) bool {
	for i := range n.own[upstream] {
		if g := &n.own[upstream][i]; g.whole() && g.hit.rule.certain() {
			return true
		}
	}
	for i := range n.any {
		if g := &n.any[i].name; g.whole() && g.hit.rule.certain() && n.any[i].upstream.match(upstream) {
			return true
		}
	}
	return false
}

func (n *named) reaches(upstream string) bool {
	if _, ok := n.own[upstream]; ok {
		return true
	}
	for i := range n.any {
		if n.any[i].upstream.match(upstream) {
			return true
		}
	}
	return false
}

// uris holds the patterns for resources.
type uris struct {
	exact map[string][]*hit
	globs []glob
}

func (u *uris) add(pattern string, at *hit) error {
	g, err := newGlob(pattern, at)
	if err != nil {
		return err
	}
	if g.shape != literal {
		u.globs = append(u.globs, g)
		return nil
	}
	if u.exact == nil {
		u.exact = map[string][]*hit{}
	}
	u.exact[pattern] = append(u.exact[pattern], at)
	return nil
}

// each yields every match, the exact ones first, until yield says stop.
func (u *uris) each(uri string, yield func(*hit) (more bool)) bool {
	for _, h := range u.exact[uri] {
		if !yield(h) {
			return false
		}
	}
	for i := range u.globs {
		if u.globs[i].match(uri) && !yield(u.globs[i].hit) {
			return false
		}
	}
	return true
}

func (u *uris) empty() bool { return len(u.exact) == 0 && len(u.globs) == 0 }

// shorten bounds what a fault quotes of the file.
func shorten(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
