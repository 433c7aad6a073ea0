package config

import "fmt"

// Privacy is what the register of processing says and no other key knows
// (doorward privacy register; GDPR, article 30).
type Privacy struct {
	// Controller is who decides about the processing: name and address.
	Controller string `yaml:"controller"`
	// Contact of the controller for people who ask about their data.
	Contact string `yaml:"contact"`
	// Representative of a controller outside the Union. None unless written.
	Representative string `yaml:"representative"`
	// DPO is the data protection officer and how to reach them. None unless written.
	DPO string `yaml:"data_protection_officer"`
	// Purposes of the processing beside those that Doorward names.
	Purposes []string `yaml:"purposes"`
	// Transfers are the recipients in third countries: of which upstream, sink or receiver data leaves, whereto, and by which safeguard.
	Transfers []Transfer `yaml:"transfers"`
	// Measures of security beside those that the configuration shows.
	Measures []string `yaml:"measures"`
}

// Transfer is a recipient in a third country.
type Transfer struct {
	// Recipient is the name of an upstream or a sink, or alerts, approvals, judge, state.
	Recipient string `yaml:"recipient"`
	// Country that the data goes to.
	Country string `yaml:"country"`
	// Safeguard of the transfer: an adequacy decision, standard contractual clauses (GDPR, articles 45 to 49).
	Safeguard string `yaml:"safeguard"`
}

// Bounds of what the operator says of the processing.
const (
	maxPrivacyText = 500 // bytes
	maxPrivacyList = 50
)

func (v *checker) privacy() {
	p := &v.c.Privacy
	for _, one := range [...]struct{ key, text string }{
		{"controller", p.Controller}, {"contact", p.Contact}, {"representative", p.Representative}, {"data_protection_officer", p.DPO},
	} {
		v.line("privacy."+one.key, one.text, maxPrivacyText)
	}
	for _, all := range [...]struct {
		key   string
		texts []string
	}{{"purposes", p.Purposes}, {"measures", p.Measures}} {
		if len(all.texts) > maxPrivacyList {
			v.fault("privacy."+all.key, "has at most %d entries", maxPrivacyList)
		}
		for i, text := range all.texts {
			v.line(fmt.Sprintf("privacy.%s[%d]", all.key, i), text, maxPrivacyText)
		}
	}
	if len(p.Transfers) > maxPrivacyList {
		v.fault("privacy.transfers", "has at most %d entries", maxPrivacyList)
	}
	known := v.recipients()
	for i, t := range p.Transfers {
		path := fmt.Sprintf("privacy.transfers[%d]", i)
		if !known[t.Recipient] {
			v.fault(path+".recipient", "is no upstream, no sink and none of alerts, approvals, judge, state")
		}
		if t.Country == "" || t.Safeguard == "" {
			v.fault(path, "needs a country and a safeguard")
		}
		v.line(path+".country", t.Country, maxPrivacyText)
		v.line(path+".safeguard", t.Safeguard, maxPrivacyText)
	}
}

// recipients are those whom a transfer can name.
func (v *checker) recipients() map[string]bool {
	known := map[string]bool{"alerts": true, "approvals": true, "judge": true, "state": true}
	for name := range v.c.Upstreams {
		known[name] = true
	}
	for i := range v.c.Audit.Sinks {
		known[v.c.Audit.Sinks[i].Name] = true
	}
	return known
}
