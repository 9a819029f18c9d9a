"""The two IRs and the walks over them: nodes, types, sizes, loop statements, derivatives."""
