package validate

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"time"

	"github.com/dlclark/regexp2"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Bounds of the patterns of a schema.
const (
	maxPattern = 4 << 10 // bytes of source
	maxProgram = 5000    // instructions of RE2; "(x{100}){100}" needs 10,000

	// maxBacktracking bounds the time that one value may spend in patterns
	// that RE2 cannot run, all of them together. It is time on the clock, so it
	// leaves room for a machine that is busy with something else.
	maxBacktracking = 500 * time.Millisecond
)

// errSlow ends a validation whose patterns backtrack for too long.
var errSlow = errors.New("a pattern of the schema takes too long on this text")

// linear is a pattern that RE2 runs in time linear in the text.
type linear struct {
	*regexp.Regexp
	program int64 // instructions
}

// backtracking is a pattern with a lookaround or a backreference, which RE2
// does not have. It stops at its meter's deadline.
type backtracking struct {
	re    *regexp2.Regexp
	meter *meter
}

// meter holds the deadline of the validation that runs at the moment. A schema
// with backtracking patterns validates one value at a time: the library hands
// a pattern nothing but the text, so the deadline has to be here.
type meter struct {
	turn     chan struct{}
	deadline time.Time
}

// MatchString panics with errSlow past the deadline; checker recovers it. To
// answer false would let a text pass that "not" asks about.
func (b *backtracking) MatchString(s string) bool {
	if time.Now().After(b.meter.deadline) {
		panic(errSlow)
	}
	ok, err := b.re.MatchString(s)
	if err != nil {
		panic(errSlow)
	}
	return ok
}

// String is the pattern's source.
func (b *backtracking) String() string { return b.re.String() }

// patterns compiles the patterns of one schema.
type patterns struct {
	meter *meter // set once a pattern backtracks
}

func (p *patterns) compile(source string) (jsonschema.Regexp, error) {
	if len(source) > maxPattern {
		return nil, fmt.Errorf("the pattern is longer than %d bytes", maxPattern)
	}
	if re, err := regexp.Compile(source); err == nil {
		n, err := program(source)
		if err != nil {
			return nil, err
		}
		return linear{re, n}, nil
	}
	re, err := regexp2.Compile(source, regexp2.ECMAScript)
	if err != nil {
		return nil, errors.New("the pattern is no regular expression")
	}
	re.MatchTimeout = maxBacktracking
	if p.meter == nil {
		p.meter = &meter{turn: make(chan struct{}, 1)}
	}
	return &backtracking{re, p.meter}, nil
}

func program(source string) (int64, error) {
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return 0, err
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return 0, err
	}
	if len(prog.Inst) > maxProgram {
		return 0, fmt.Errorf("the pattern needs more than %d steps a character", maxProgram)
	}
	return int64(len(prog.Inst)), nil
}
