package mapping

func gdpr() Framework {
	return Framework{"gdpr", "GDPR", []Control{
		{"Art. 5(1)(c)", "Minimisation", []Feature{sealing(), inspection()}, ""},
		{"Art. 5(1)(e)", "Storage limitation", []Feature{retention()}, ""},
		{"Art. 15", "Access", []Feature{access()}, "what upstreams hold of a person is theirs to give"},
		{"Art. 16", "Rectification", []Feature{rectification()}, "what upstreams hold of a person is theirs to put right"},
		{"Art. 17", "Erasure", []Feature{erasure(), retention()}, "what upstreams hold of a person is theirs to erase"},
		{"Art. 20", "Portability", []Feature{access()}, "what upstreams hold of a person is theirs to give"},
		{"Art. 25", "By design and by default", []Feature{sealing(), roles()}, ""},
		{"Art. 30", "Records of processing", []Feature{register(), production()}, "purposes and legal bases are the controller's to write"},
		{"Art. 32", "Security of processing", []Feature{identity(), roles(), confined(), record(), drills()}, noSandbox + "; " + noBackup},
		{"Art. 33", "Notification of a breach", []Feature{breaches(), bundles(), alerts()}, "Doorward writes down who was told, and tells no authority"},
	}}
}

func nis2() Framework {
	return Framework{"nis2", "NIS2", []Control{
		{"Art. 21(2)(a)", "Risk analysis and policies", []Feature{production()}, "the analysis is the organisation's"},
		{"Art. 21(2)(b)", "Incident handling", []Feature{incidents(), alerts(), drills()}, ""},
		{"Art. 21(2)(c)", "Continuity and backup", []Feature{copies()}, noBackup},
		{"Art. 21(2)(d)", "Supply chain", []Feature{pins(), signedPins(), inventory()}, noPackage},
		{"Art. 21(2)(e)", "Acquisition, development, maintenance", []Feature{pins(), changes()}, "vulnerabilities of servers are not looked up"},
		{"Art. 21(2)(f)", "Effectiveness of measures", []Feature{stats(), drills()}, ""},
		{"Art. 21(2)(g)", "Hygiene and training", nil, "training is nothing that a gateway does"},
		{"Art. 21(2)(h)", "Cryptography", []Feature{record(), sealing(), signedRequests()}, ""},
		{"Art. 21(2)(i)", "Access control and assets", []Feature{roles(), inventory()}, "security of staff is the organisation's"},
		{"Art. 21(2)(j)", "Strong authentication", []Feature{identity()}, "a second factor is asked for where tokens come from"},
		{"Art. 23", "Reporting", []Feature{bundles()}, "Doorward writes down who was told, and tells no authority"},
	}}
}

func aiAct() Framework {
	return Framework{"ai-act", "EU AI Act", []Control{
		{"Art. 12", "Record-keeping", []Feature{record()}, "calls of tools are on record, not what a model thought"},
		{"Art. 14", "Human oversight", []Feature{approvals(), incidents()}, ""},
		{"Art. 19", "Logs kept by providers", []Feature{retention(), record()}, ""},
		{"Art. 26(5)", "Monitoring by deployers", []Feature{alerts(), incidents()}, ""},
		{"Art. 26(6)", "Logs kept by deployers", []Feature{retention(), copies()}, ""},
		{"Art. 50", "Transparency", []Feature{disclosure()}, "the label reaches people when the client shows it"},
	}}
}
