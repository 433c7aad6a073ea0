package resolve

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/yosida95/uritemplate/v3"
)

// Bounds of template matching. Matching is a linear-time regular expression
// (RE2), so together they bound what a hostile template can cost a read.
const (
	maxURI       = 2048 // bytes of a URI, and of a template's text
	maxVariables = 32   // expressions and variables in a template
	maxTemplates = 4096 // compiled templates kept
)

// templates compiles RFC 6570 templates once. The zero value is ready.
type templates struct {
	mu       sync.RWMutex
	compiled map[string]*regexp.Regexp // nil for one that does not compile
}

// fits tells whether the whole URI is an expansion of the template. A template
// that does not compile fits nothing.
func (t *templates) fits(template, uri string) bool {
	if len(uri) > maxURI {
		return false
	}
	t.mu.RLock()
	re, ok := t.compiled[template]
	t.mu.RUnlock()
	if !ok {
		re = compile(template)
		t.keep(template, re)
	}
	return re != nil && re.MatchString(uri)
}

// keep remembers a compiled template. At the bound it starts anew: only an
// upstream that makes up templates all the time gets there.
func (t *templates) keep(template string, re *regexp.Regexp) {
	if len(template) > maxURI {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.compiled == nil || len(t.compiled) >= maxTemplates {
		t.compiled = make(map[string]*regexp.Regexp)
	}
	t.compiled[template] = re
}

// compile is the regular expression of a template, anchored at both ends; nil
// when there is none within the bounds.
func compile(template string) *regexp.Regexp {
	if len(template) > maxURI || strings.Count(template, "{")+strings.Count(template, ",") > maxVariables {
		return nil
	}
	parsed, err := uritemplate.New(template)
	if err != nil {
		return nil
	}
	re, err := regexpOf(parsed)
	if err != nil {
		return nil
	}
	return re
}

// regexpOf guards against the library's MustCompile.
func regexpOf(t *uritemplate.Template) (re *regexp.Regexp, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("compiling a URI template: %v", p)
		}
	}()
	return t.Regexp(), nil
}
