import type { Theme } from "vitepress";
import DefaultTheme from "vitepress/theme";
import LivePlayground from "./LivePlayground.vue";
import SameCodes from "./SameCodes.vue";
import SiteLayout from "./SiteLayout.vue";
import "./style.css";

export default {
  extends: DefaultTheme,
  Layout: SiteLayout,
  enhanceApp: ({ app }) => {
    app.component("LivePlayground", LivePlayground);
    app.component("SameCodes", SameCodes);
  },
} satisfies Theme;
