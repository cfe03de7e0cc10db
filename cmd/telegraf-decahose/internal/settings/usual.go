package settings

import "os"

// UsualPath is where the documents put the plugin's configuration.
const UsualPath = "/etc/telegraf-decahose/decahose.conf"

// UsualThere says whether there is a configuration at that place.
func UsualThere() bool {
	_, err := os.Stat(UsualPath)
	return err == nil
}
