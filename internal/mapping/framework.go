package mapping

// Status is how much of a control Doorward has something for. The zero value is Absent.
type Status uint8

// The statuses.
const (
	Absent  Status = iota // nothing of it
	Partial               // some of it: Missing says what is not there
	Present               // what a gateway can do of it
)

func (s Status) String() string {
	switch s {
	case Present:
		return "yes"
	case Partial:
		return "in part"
	default:
		return "no"
	}
}

// Framework is a list of controls, by their ids and short titles.
type Framework struct {
	Name     string // as the command line has it
	Title    string
	Controls []Control
}

// Control is one control, duty or risk of a framework.
type Control struct {
	ID, Title string
	Features  []Feature
	Missing   string // what of it Doorward does not do; empty: nothing that a gateway could
}

// Feature is something that Doorward does.
type Feature struct {
	Text    string
	Page    string // of the documentation, below docs
	Command string // that shows it
}

// Status follows from what is there and what is missing.
func (c *Control) Status() Status {
	switch {
	case len(c.Features) == 0:
		return Absent
	case c.Missing != "":
		return Partial
	default:
		return Present
	}
}

// Frameworks are all of them, in the order of the page.
func Frameworks() []Framework {
	return []Framework{soc2(), iso27001(), gdpr(), nis2(), aiAct(), owaspMCP(), owaspAgentic(), nsa()}
}
