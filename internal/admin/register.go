package admin

import "time"

// Register is the record of processing activities (GDPR, article 30), as the running
// configuration has it.
type Register struct {
	Made           time.Time   `json:"made"`
	Version        string      `json:"version"` // of Doorward
	Controller     string      `json:"controller,omitempty"`
	Contact        string      `json:"contact,omitempty"`
	Representative string      `json:"representative,omitempty"`
	DPO            string      `json:"data_protection_officer,omitempty"`
	Activities     []Activity  `json:"activities"`
	Recipients     []Recipient `json:"recipients"`
	Measures       []string    `json:"security_measures"`
	// Missing are the keys of the configuration without which the register is not whole.
	Missing []string `json:"missing,omitempty"`
}

// Activity is one thing that is done with people's data, and why.
type Activity struct {
	Name       string   `json:"name"`
	Purposes   []string `json:"purposes"`
	Subjects   []string `json:"data_subjects"`
	Categories []string `json:"categories_of_data"`
	Where      string   `json:"where"`
	Retention  string   `json:"retention"`
}

// Recipient is somebody who gets people's data.
type Recipient struct {
	Name       string   `json:"name"` // as the configuration names it
	Kind       string   `json:"kind"` // upstream, sink, alerts, approvals, judge, state
	Place      string   `json:"place,omitempty"`
	Categories []string `json:"categories_of_data"`
	Country    string   `json:"third_country,omitempty"` // of a transfer, as the operator says
	Safeguard  string   `json:"safeguard,omitempty"`
}
