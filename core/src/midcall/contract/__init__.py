"""Everything a plugin's author sees. Import it from `midcall`, the one public door."""
