package cases

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"doorward/internal/gate"
)

// The elements of JUnit's report that CI systems read.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Time     string      `xml:"time,attr"` // seconds
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr"`
		Line    int           `xml:"line,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes outcomes as a JUnit report, a suite for each run of outcomes of
// one file.
func WriteJUnit(w io.Writer, outcomes []Outcome) error {
	var doc junitSuites
	var total time.Duration
	for i := range outcomes {
		o := &outcomes[i]
		if i == 0 || o.File != outcomes[i-1].File {
			doc.Suites = append(doc.Suites, junitSuite{Name: gate.Visible(o.File)})
			total = 0
		}
		s := &doc.Suites[len(doc.Suites)-1]
		total += o.Took
		s.Tests++
		s.Time = seconds(total)
		one := junitCase{Name: gate.Visible(o.Name), Class: s.Name, File: s.Name, Line: o.Line, Time: seconds(o.Took)}
		if !o.Passed {
			s.Failures++
			one.Failure = &junitFailure{
				Message: gate.Visible(strings.Join(o.Differs, "; ")),
				Text:    gate.Visible(fmt.Sprintf("role %q, rule %q: %s", o.Role, o.Rule, o.Reason)),
			}
		}
		s.Cases = append(s.Cases, one)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 6, 64) }
