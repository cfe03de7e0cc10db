package all

import (
	// Registers inputs.decahose.
	_ "github.com/decahose/telegraf-decahose/plugins/inputs/decahose"
	// Registers outputs.decahose_archive.
	_ "github.com/decahose/telegraf-decahose/plugins/outputs/decahose_archive"
)
