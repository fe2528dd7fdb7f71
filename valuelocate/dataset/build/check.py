def check_and_build(*a): return ""
