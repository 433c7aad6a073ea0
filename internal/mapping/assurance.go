package mapping

func soc2() Framework {
	return Framework{"soc2", "SOC 2", []Control{
		{"CC6.1", "Logical access", []Feature{identity(), roles(), production()}, ""},
		{"CC6.2", "Registration and removal of users", []Feature{identity()}, "people are made and removed where their tokens come from; Doorward knows its own API keys"},
		{"CC6.3", "Least privilege", []Feature{roles(), approvals()}, ""},
		{"CC6.6", "Boundary", []Feature{refusals(), identity(), confined()}, noEgress},
		{"CC6.7", "Transmission of information", []Feature{inspection(), flows()}, ""},
		{"CC6.8", "Unauthorised software", []Feature{pins(), inventory(), confined()}, noSandbox + "; " + noPackage},
		{"CC7.1", "Detection of changes", []Feature{pins(), changes()}, ""},
		{"CC7.2", "Monitoring", []Feature{alerts(), stats(), traces()}, ""},
		{"CC7.3", "Evaluation of events", []Feature{incidents(), bundles()}, ""},
		{"CC7.4", "Response to incidents", []Feature{incidents(), drills()}, ""},
		{"CC8.1", "Change management", []Feature{signedPins(), changes()}, "who reviewed the configuration's text is known to its repository alone"},
		{"A1.2", "Recovery", []Feature{record(), copies()}, noBackup},
		{"PI1", "Processing integrity", []Feature{record(), refusals()}, ""},
		{"C1", "Confidentiality and disposal", []Feature{sealing(), retention(), erasure()}, ""},
	}}
}

func iso27001() Framework {
	return Framework{"iso27001", "ISO/IEC 27001:2022, Annex A", []Control{
		{"A.5.15", "Access control", []Feature{roles()}, ""},
		{"A.5.16", "Identity management", []Feature{identity()}, "people are managed where their tokens come from"},
		{"A.5.17", "Authentication information", []Feature{secrets()}, ""},
		{"A.5.18", "Access rights", []Feature{roles(), identity()}, ""},
		{"A.5.21", "ICT supply chain", []Feature{pins(), signedPins(), inventory()}, noPackage},
		{"A.5.24", "Preparation for incidents", []Feature{drills()}, ""},
		{"A.5.25", "Assessment of events", []Feature{alerts()}, ""},
		{"A.5.26", "Response to incidents", []Feature{incidents()}, ""},
		{"A.5.27", "Learning from incidents", []Feature{bundles(), stats()}, ""},
		{"A.5.28", "Collection of evidence", []Feature{bundles(), record()}, ""},
		{"A.5.33", "Protection of records", []Feature{record(), copies(), retention()}, ""},
		{"A.5.34", "Privacy", []Feature{sealing(), erasure()}, ""},
		{"A.8.2", "Privileged access", []Feature{approvals(), sealing()}, "whoever is root on the machine is not held"},
		{"A.8.5", "Secure authentication", []Feature{identity(), signedRequests()}, ""},
		{"A.8.9", "Configuration management", []Feature{changes(), production()}, ""},
		{"A.8.10", "Information deletion", []Feature{retention(), erasure()}, ""},
		{"A.8.12", "Data leakage prevention", []Feature{inspection(), flows()}, noEgress},
		{"A.8.13", "Information backup", nil, noBackup},
		{"A.8.15", "Logging", []Feature{record(), copies()}, ""},
		{"A.8.16", "Monitoring activities", []Feature{alerts(), stats(), traces()}, ""},
		{"A.8.32", "Change management", []Feature{pins(), changes()}, ""},
	}}
}
